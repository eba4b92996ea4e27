"""Postgres: an instance of RDS, or a cluster of Aurora, optionally behind RDS Proxy."""

from dataclasses import dataclass, field
from typing import Any

from aws_cdk import Acknowledgment, Duration, Fn, RemovalPolicy, Stack, Validations
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_sam as sam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from ledger_aws.config import Config
from ledger_aws.log_groups import new_log_group
from ledger_aws.network import DATA, TASKS, Network
from ledger_aws.parameters import PARAMETERS

# AWS starts with the newest minor version of this major version, and upgrades minor versions
# automatically.
VERSION = rds.PostgresEngineVersion.VER_18
AURORA_VERSION = rds.AuroraPostgresEngineVersion.of("18", "18")
ADMIN = "ledger_admin"
OWNER, WEB, WORKER, AUDITOR = "ledger", "ledger_web", "ledger_worker", "ledger_auditor"
EXPLORER = "ledger_explorer"  # the role for analysts' queries, from web tasks
OF_WEB = (WEB, EXPLORER)
NAME = "ledger"
BACKUP_WINDOW = "02:30-03:00"  # in UTC, like MAINTENANCE_WINDOW
MAINTENANCE_WINDOW = "sun:03:15-sun:04:00"
EXPORTS, EXPORTS_OF_AURORA = ["postgresql", "upgrade"], ["postgresql"]
# A rule against a new password without a user name, and why the rule does not apply.
NAME_IN_SNAPSHOT = "CloudFormation-Validate::F3021"
WHY = "The name of the administrator comes with the snapshot."
INSIGHTS = {
    "standard": (rds.DatabaseInsightsMode.STANDARD, rds.PerformanceInsightRetention.DEFAULT),
    "advanced": (rds.DatabaseInsightsMode.ADVANCED, rds.PerformanceInsightRetention.MONTHS_15),
}
# When a server is removed from the stack, a final snapshot and its backups are kept.
STAYS = {"delete_automated_backups": False, "removal_policy": RemovalPolicy.SNAPSHOT}


@dataclass(frozen=True)
class Server:
    """The data about the database server that tasks and alarms need."""

    host: str  # the host of the writer
    resource_id: str  # the id in the ARN of a login with IAM
    secret: secretsmanager.ISecret  # the password of the administrator
    instances: dict[str, str]  # resource ids of the instances, by identifier
    log_groups: list[logs.ILogGroup]  # the logs of Postgres on all servers
    replicas: list[str] = field(default_factory=list)  # hosts of the replicas
    cluster: str = ""  # the identifier of the Aurora cluster


class BankDatabase(Construct):
    def __init__(self, scope: Construct, config: Config, network: Network, key: kms.IKey) -> None:
        super().__init__(scope, "Database")
        self._config, self._network, self._key = config, network, key
        self.proxy: rds.DatabaseProxy | None = None
        self.server = self._aurora() if config.is_aurora else self._instance()

    def login_arn(self, role: str) -> str:
        """Returns the resource ARN for an IAM policy that allows a connection to the writer as this
        database role (`rds-db:connect`).
        """
        return self.login_arn_of(self.server.resource_id, role)

    def login_arn_of(self, resource_id: str, role: str) -> str:
        partition, config = Stack.of(self).partition, self._config
        place = f"arn:{partition}:rds-db:{config.region}:{config.account}"
        return f"{place}:dbuser:{resource_id}/{role}"

    def proxy_login_arn(self, role: str) -> str:
        """Returns the resource ARN for an IAM policy that allows a connection to the proxy as this
        database role (`rds-db:connect`). The id of the proxy is the last part of the proxy's ARN.
        """
        assert self.proxy is not None
        return self.login_arn_of(Fn.select(6, Fn.split(":", self.proxy.db_proxy_arn)), role)

    # --- RDS ------------------------------------------------------------------------------------

    def _instance(self) -> Server:
        config, size = self._config, self._config.size
        engine = rds.DatabaseInstanceEngine.postgres(version=VERSION)
        group = self._parameters(engine)
        name = f"{config.name}-db"
        log_groups = self._log_groups("instance", name, EXPORTS)
        given: dict[str, Any] = {
            **self._of_each_instance(group),
            "engine": engine,
            "instance_identifier": name,
            "multi_az": size.is_multi_az,
            "allow_major_version_upgrade": False,
            "allocated_storage": size.storage,
            "max_allocated_storage": size.most_storage,
            "backup_retention": Duration.days(size.backup_days),
            "preferred_backup_window": BACKUP_WINDOW,
            "credentials": self._login(),
            **STAYS,
        }
        instance: rds.DatabaseInstance | rds.DatabaseInstanceFromSnapshot
        if config.snapshot:
            given["snapshot_identifier"] = config.snapshot
            instance = rds.DatabaseInstanceFromSnapshot(self, "Instance", **given)
        else:
            given |= {"storage_encrypted": True, "storage_encryption_key": self._key}
            instance = rds.DatabaseInstance(self, "Instance", **given)
        instance.node.add_dependency(*log_groups)
        self._rotate(instance.add_rotation_single_user(**self._rotation()))
        if config.proxy:
            target = rds.ProxyTarget.from_instance(instance)
            self._make_proxy(target, str(instance.instance_resource_id))
        instances = {name: str(instance.instance_resource_id)}
        replicas = []
        if size.has_replica:
            replica = self._replica(instance, group)
            of_replica = self._log_groups("instance", f"{config.name}-replica", EXPORTS, "Replica")
            replica.node.add_dependency(*of_replica)
            log_groups += of_replica
            instances[f"{config.name}-replica"] = str(replica.instance_resource_id)
            replicas.append(replica.instance_endpoint.hostname)
        assert instance.secret is not None
        return Server(
            host=instance.instance_endpoint.hostname,
            resource_id=str(instance.instance_resource_id),
            secret=instance.secret,
            instances=instances,
            log_groups=[each for each in log_groups if each.node.id.endswith("PostgresqlLog")],
            replicas=replicas,
        )

    def _replica(
        self, source: rds.IDatabaseInstance, group: rds.ParameterGroup
    ) -> rds.DatabaseInstanceReadReplica:
        return rds.DatabaseInstanceReadReplica(
            self,
            "Replica",
            source_database_instance=source,
            instance_identifier=f"{self._config.name}-replica",
            # A replica has its source's encryption and key; CloudFormation rejects an explicit key.
            max_allocated_storage=self._config.size.most_storage,
            removal_policy=RemovalPolicy.DESTROY,  # all its data is in the source
            **self._of_each_instance(group) | {"deletion_protection": False},
        )

    def _of_each_instance(self, group: rds.ParameterGroup) -> dict[str, Any]:
        """Returns the properties that are the same for an instance of RDS and its replica."""
        return {
            **self._of_each_server(group),
            "instance_type": ec2.InstanceType(self._config.size.instance),
            "publicly_accessible": False,
            "ca_certificate": rds.CaCertificate.RDS_CA_RSA2048_G1,
            "storage_type": rds.StorageType.GP3,
            "auto_minor_version_upgrade": True,
            "cloudwatch_logs_exports": EXPORTS,
        }

    # --- Aurora ---------------------------------------------------------------------------------

    def _aurora(self) -> Server:
        config = self._config
        engine = rds.DatabaseClusterEngine.aurora_postgres(version=AURORA_VERSION)
        group = self._parameters(engine)
        name = f"{config.name}-db"
        log_groups = self._log_groups("cluster", name, EXPORTS_OF_AURORA)
        given: dict[str, Any] = {
            **self._of_each_server(group),
            "engine": engine,
            "cluster_identifier": name,
            "writer": self._member("a"),
            "readers": [self._member("b")],
            "storage_encrypted": True,
            "storage_encryption_key": self._key,
            "backup": rds.BackupProps(
                retention=Duration.days(config.size.backup_days), preferred_window=BACKUP_WINDOW
            ),
            "cloudwatch_logs_exports": EXPORTS_OF_AURORA,
            **STAYS,
        }
        cluster: rds.DatabaseCluster | rds.DatabaseClusterFromSnapshot
        if config.snapshot:
            given |= {
                "snapshot_identifier": config.snapshot,
                "snapshot_credentials": self._login(),
            }
            cluster = rds.DatabaseClusterFromSnapshot(self, "Cluster", **given)
            cluster.node.try_remove_child("Secret")  # a second, unused secret that CDK makes
            Validations.of(cluster).acknowledge(Acknowledgment(id=NAME_IN_SNAPSHOT, reason=WHY))
        else:
            cluster = rds.DatabaseCluster(self, "Cluster", credentials=self._login(), **given)
        cluster.node.add_dependency(*log_groups)
        self._rotate(cluster.add_rotation_single_user(**self._rotation()))
        if config.proxy:
            target = rds.ProxyTarget.from_cluster(cluster)
            self._make_proxy(target, cluster.cluster_resource_identifier)
        assert cluster.secret is not None
        return Server(
            host=cluster.cluster_endpoint.hostname,
            resource_id=cluster.cluster_resource_identifier,
            secret=cluster.secret,
            instances=_members_of(cluster),
            log_groups=[each for each in log_groups if each.node.id.endswith("PostgresqlLog")],
            cluster=name,
        )

    def _member(self, letter: str) -> rds.IClusterInstance:
        return rds.ClusterInstance.provisioned(
            f"Instance{letter.upper()}",
            instance_identifier=f"{self._config.name}-db-{letter}",
            instance_type=ec2.InstanceType(self._config.size.aurora_instance),
            publicly_accessible=False,
            auto_minor_version_upgrade=True,
            allow_major_version_upgrade=False,
            ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1,
            preferred_maintenance_window=MAINTENANCE_WINDOW,
            promotion_tier=0,  # each instance may take over
        )

    # --- of both --------------------------------------------------------------------------------

    def _parameters(self, engine: rds.IEngine) -> rds.ParameterGroup:
        return rds.ParameterGroup(
            self, "Parameters", engine=engine, parameters=PARAMETERS, description="Ledger"
        )

    def _login(self) -> Any:
        """Returns a generated password for the administrator. If the database starts from a
        snapshot, the snapshot defines the name of the administrator.
        """
        kind: Any = rds.SnapshotCredentials if self._config.snapshot else rds.Credentials
        return kind.from_generated_secret(ADMIN, encryption_key=self._key)

    def _of_each_server(self, group: rds.ParameterGroup) -> dict[str, Any]:
        insights, kept = INSIGHTS[self._config.size.insights]
        return {
            "vpc": self._network.vpc,
            "vpc_subnets": ec2.SubnetSelection(subnet_group_name=DATA),
            "security_groups": [self._network.groups.database],
            "parameter_group": group,
            "iam_authentication": True,
            "preferred_maintenance_window": MAINTENANCE_WINDOW,
            "copy_tags_to_snapshot": True,
            "deletion_protection": True,
            "database_insights_mode": insights,
            "enable_performance_insights": True,
            "performance_insight_retention": kept,
            "performance_insight_encryption_key": self._key,
        }

    def _log_groups(
        self, kind: str, name: str, exports: list[str], prefix: str = ""
    ) -> list[logs.LogGroup]:
        """Makes a log group for each log of a server. Otherwise RDS would make a log group without
        our key, and would keep its lines forever.
        """
        return [
            new_log_group(
                self, f"{prefix}{export.capitalize()}Log",
                f"/aws/rds/{kind}/{name}/{export}", self._key,
            )
            for export in exports
        ]  # fmt: skip

    def _rotation(self) -> dict[str, Any]:
        return {
            "automatically_after": Duration.days(30),
            "security_group": self._network.groups.rotation,
            "vpc_subnets": ec2.SubnetSelection(subnet_group_name=TASKS),
        }

    def _rotate(self, rotation: secretsmanager.SecretRotation) -> None:
        """Sets the name of the Lambda function that rotates the password. The name contains the
        name of the bank. With CDK's default name, the functions of two banks would have the same
        name.
        """
        (application,) = [
            child for child in rotation.node.find_all() if isinstance(child, sam.CfnApplication)
        ]
        application.add_property_override(
            "Parameters.functionName", f"{self._config.name}-rotation"
        )

    def _make_proxy(self, target: rds.ProxyTarget, resource_id: str) -> None:
        """Makes the proxy. Clients sign in to the proxy with IAM tokens, and the proxy signs in to
        the database with IAM tokens. There are no passwords.
        """
        role = iam.Role(
            self,
            "ProxyRole",
            assumed_by=iam.ServicePrincipal("rds.amazonaws.com"),
            description="RDS Proxy signs in only as the roles of web tasks",
        )
        logins = [self.login_arn_of(resource_id, each) for each in OF_WEB]
        role.add_to_policy(iam.PolicyStatement(actions=["rds-db:connect"], resources=logins))
        self.proxy = rds.DatabaseProxy(
            self,
            "Proxy",
            db_proxy_name=f"{self._config.name}-proxy",
            proxy_target=target,
            vpc=self._network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_group_name=DATA),
            security_groups=[self._network.groups.proxy],
            default_auth_scheme=rds.DefaultAuthScheme.IAM_AUTH,
            require_tls=True,
            role=role,
            borrow_timeout=Duration.seconds(5),  # the same time as LEDGER_CONNECT_TIMEOUT
            idle_client_timeout=Duration.minutes(5),
            max_connections_percent=80,  # commands use the other connections
        )


def _members_of(cluster: Construct) -> dict[str, str]:
    found = {}
    for child in cluster.node.find_all():
        if isinstance(child, rds.CfnDBInstance):
            assert child.db_instance_identifier is not None
            found[child.db_instance_identifier] = child.attr_dbi_resource_id
    return found
