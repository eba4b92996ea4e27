"""The network and its allowed connections. Only the load balancer is open to the Internet."""

from dataclasses import dataclass

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from ledger_aws.config import Config
from ledger_aws.log_groups import new_log_group

HTTP, HTTPS, SMTP, POSTGRES, CACHE = 80, 443, 587, 5432, 6379
# Ports of a web task. Only the task itself can connect to gunicorn and its probes.
NGINX, WEB, PROBES = 8080, 8000, 8001
RECEIVERS = 8443  # the other port that a webhook may use: banking/events/targets.py
BALANCER_IDLE = 60  # seconds that the load balancer keeps a connection without requests
PUBLIC, TASKS, DATA = "Public", "Tasks", "Data"


@dataclass(frozen=True)
class Groups:
    """The security groups of the bank. They allow only the outgoing connections that this file
    lists.
    """

    balancer: ec2.SecurityGroup
    web: ec2.SecurityGroup
    commands: ec2.SecurityGroup
    work: ec2.SecurityGroup
    proxy: ec2.SecurityGroup
    database: ec2.SecurityGroup
    cache: ec2.SecurityGroup
    rotation: ec2.SecurityGroup


class Network(Construct):
    """A VPC in two or more zones. `Tasks` subnets connect to the Internet through a gateway. `Data`
    subnets have no connection to the Internet. A log contains every connection, accepted or
    refused.
    """

    def __init__(self, scope: Construct, config: Config, key: kms.IKey) -> None:
        super().__init__(scope, "Network")
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            availability_zones=config.availability_zones,
            nat_gateways=config.size.gateways,
            subnet_configuration=[
                _subnets(PUBLIC, ec2.SubnetType.PUBLIC),
                _subnets(TASKS, ec2.SubnetType.PRIVATE_WITH_EGRESS),
                _subnets(DATA, ec2.SubnetType.PRIVATE_ISOLATED),
            ],
            # Image layers are loaded directly from S3, because a gateway costs money per byte.
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)
            },
        )
        self.groups = Groups(
            balancer=self._group("Balancer", "The load balancer"),
            web=self._group("Web", "Web tasks"),
            commands=self._group("Commands", "Tasks of commands"),
            work=self._group("Work", "The task that delivers events"),
            proxy=self._group("Proxy", "RDS Proxy"),
            database=self._group("Database", "Postgres"),
            cache=self._group("Cache", "The shared cache"),
            rotation=self._group("Rotation", "What changes the password of the administrator"),
        )
        self._connect(config)
        self._log_flows(config, key)

    def _group(self, name: str, description: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            self, name, vpc=self.vpc, description=description, allow_all_outbound=False
        )

    def _connect(self, config: Config) -> None:
        every, groups = ec2.Peer.any_ipv4(), self.groups
        for port in (HTTP, HTTPS):
            groups.balancer.add_ingress_rule(every, ec2.Port.tcp(port), "People")
        _allow(groups.balancer, groups.web, NGINX)
        for group in (groups.web, groups.commands, groups.rotation):
            group.add_egress_rule(every, ec2.Port.tcp(HTTPS), "AWS, and identity providers")
        for port in (HTTPS, RECEIVERS):
            groups.work.add_egress_rule(every, ec2.Port.tcp(port), "AWS, and webhooks")
        for group in (groups.web, groups.commands, groups.work):
            group.add_egress_rule(every, ec2.Port.tcp(SMTP), "The mail server")
        for group in (groups.web, groups.commands):
            _allow(group, groups.cache, CACHE)
        for group in (groups.commands, groups.work):
            _allow(group, groups.database, POSTGRES)
        # CDK itself allows the proxy and the rotation to connect to the database.
        if config.proxy:
            _allow(groups.web, groups.proxy, POSTGRES)
        if not config.proxy or (config.size.has_replica and not config.is_aurora):
            _allow(groups.web, groups.database, POSTGRES)

    def _log_flows(self, config: Config, key: kms.IKey) -> None:
        """Logs the addresses, the ports and the number of bytes of connections. One log line covers
        up to ten minutes, which limits the number of lines. CDK's construct is not used, because it
        would grant the role `iam:PassRole` on itself.
        """
        log = new_log_group(self, "FlowLog", f"/{config.name}/flows", key)
        role = iam.Role(
            self,
            "FlowRole",
            assumed_by=iam.ServicePrincipal(
                "vpc-flow-logs.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": config.account}},
            ),
        )
        actions = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        may_write = role.add_to_principal_policy(
            iam.PolicyStatement(actions=actions, resources=[log.log_group_arn])
        )
        flows = ec2.CfnFlowLog(
            self,
            "Flows",
            resource_id=self.vpc.vpc_id,
            resource_type="VPC",
            traffic_type="ALL",
            max_aggregation_interval=600,
            log_destination_type="cloud-watch-logs",
            log_group_name=log.log_group_name,
            deliver_logs_permission_arn=role.role_arn,
        )
        assert may_write.policy_dependable is not None
        flows.node.add_dependency(may_write.policy_dependable)


def _subnets(name: str, kind: ec2.SubnetType) -> ec2.SubnetConfiguration:
    is_public = kind == ec2.SubnetType.PUBLIC
    return ec2.SubnetConfiguration(
        name=name, subnet_type=kind, cidr_mask=22,
        map_public_ip_on_launch=False if is_public else None,
    )  # fmt: skip


def _allow(source: ec2.SecurityGroup, target: ec2.SecurityGroup, port: int) -> None:
    target.add_ingress_rule(source, ec2.Port.tcp(port), f"From {source.node.id}")
    source.add_egress_rule(target, ec2.Port.tcp(port), f"To {target.node.id}")
