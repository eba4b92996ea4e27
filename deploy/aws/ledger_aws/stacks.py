"""Defines the two stacks of a bank. The first stack contains the data. The second stack contains
the tasks that serve the data, so it can be deleted and made again.

Note [The keys of a restored bank]: a bank that starts from a snapshot has its key and secrets in a
separate stack, which is made first. Then the snapshot is copied with the new key, because an RDS
instance keeps the key of its snapshot forever, and SECRET_KEY is copied into the new secret. So a
restored bank does not need the key or the secrets of the first bank.
"""

from typing import Any

from aws_cdk import CfnOutput, Environment, Stack, Tags
from constructs import Construct

from ledger_aws.alarms import Alarms, rollback_alarms
from ledger_aws.attachments import AttachmentBucket
from ledger_aws.cache import Cache
from ledger_aws.config import Config
from ledger_aws.database import BankDatabase
from ledger_aws.firewall import Firewall
from ledger_aws.gate import Gate
from ledger_aws.keys import Keys
from ledger_aws.network import DATA, TASKS, Network
from ledger_aws.schedules import Schedules
from ledger_aws.service import Service, new_cluster
from ledger_aws.tasks import Tasks
from ledger_aws.worker import DeliveryService

WITHOUT_TAGS = "AWS::RDS::DBProxyTargetGroup"  # according to CloudFormation


class KeysStack(Stack):
    """Key and secrets of a bank that starts from a snapshot: see Note [The keys of a restored
    bank].
    """

    def __init__(self, scope: Construct, config: Config) -> None:
        super().__init__(scope, "Keys", **_named(config, "keys"))
        self.keys = Keys(self, config)
        CfnOutput(self, "SecretKeyArn", value=self.keys.secret_key.secret_arn)


class DataStack(Stack):
    """Network, database, cache and the bucket for attachments. Also the key and the secrets, unless
    they are passed as arguments.
    """

    def __init__(self, scope: Construct, config: Config, keys: Keys | None = None) -> None:
        super().__init__(scope, "Data", **_named(config, "data"))
        self.keys = keys or Keys(self, config)
        self.network = Network(self, config, self.keys.key)
        self.database = BankDatabase(self, config, self.network, self.keys.key)
        self.cache = Cache(self, config, self.network, self.keys.key)
        self.attachments = None
        if config.attachments == "s3":
            self.attachments = AttachmentBucket(self, config, self.keys.key)
            CfnOutput(self, "AttachmentBucket", value=self.attachments.bucket.bucket_name)
        if keys is None:
            CfnOutput(self, "SecretKeyArn", value=self.keys.secret_key.secret_arn)
        # Needed for a restored database (docs/deploy-aws.md).
        groups = self.network.groups
        CfnOutput(self, "DatabaseGroup", value=groups.database.security_group_id)
        CfnOutput(self, "CommandsGroup", value=groups.commands.security_group_id)
        for name in (DATA, TASKS):
            subnets = self.network.vpc.select_subnets(subnet_group_name=name).subnet_ids
            CfnOutput(self, f"{name}Subnets", value=",".join(subnets))


class BankStack(Stack):
    """Tasks, load balancer, the worker, schedules and alarms."""

    def __init__(self, scope: Construct, config: Config, data: DataStack) -> None:
        super().__init__(scope, "Bank", **_named(config, "bank"))
        self.add_stack_dependency(data)
        key = data.keys.key
        tasks = Tasks(self, config, data.database, data.cache, data.keys, data.attachments)
        cluster = new_cluster(self, config, data.network, key, tasks.session_log)
        gate = Gate(
            self, config, data.network, cluster, key,
            {"roles": tasks.roles, "migrate": tasks.migrate}, tasks.command_log,
        )  # fmt: skip
        service = Service(self, config, data.network, cluster, tasks.web, rollback_alarms(config))
        Firewall(self, config, service.balancer, key)
        schedules = Schedules(self, config, data.network, cluster, tasks.commands)
        delivery = DeliveryService(self, data.network, cluster, tasks.work)
        assert gate.last is not None
        for construct in (service.service, delivery.service, schedules):
            construct.node.add_dependency(gate.last)
        alarms = Alarms(
            self, config, key, data.database.server, service, cluster, tasks, schedules.group
        )
        service.service.node.add_dependency(*alarms.for_rollback)


def _named(config: Config, part: str) -> dict[str, Any]:
    return {
        "stack_name": f"{config.name}-{part}",
        "env": Environment(account=config.account, region=config.region),
        "termination_protection": True,
        "description": f"Ledger, a bank: {part}",
    }


def build(app: Construct, config: Config) -> tuple[DataStack, BankStack]:
    """Makes both stacks, tagged with the name of the bank. CDK reads the zones from the context, so
    that it does not query AWS.
    """
    place = f"account={config.account}:region={config.region}"
    app.node.set_context(f"availability-zones:{place}", config.availability_zones)
    keys = KeysStack(app, config).keys if config.snapshot else None
    data = DataStack(app, config, keys)
    bank = BankStack(app, config, data)
    Tags.of(app).add("bank", config.name, exclude_resource_types=[WITHOUT_TAGS])
    return data, bank
