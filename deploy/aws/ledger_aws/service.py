"""Defines the web service and its load balancer, which accepts HTTPS."""

from aws_cdk import CfnOutput, Duration
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets
from constructs import Construct

from ledger_aws.config import Config
from ledger_aws.network import BALANCER_IDLE, HTTP, HTTPS, NGINX, PUBLIC, TASKS, Network
from ledger_aws.nginx import CONTAINER


def new_cluster(
    scope: Construct, config: Config, network: Network, key: kms.IKey, session_log: logs.ILogGroup
) -> ecs.Cluster:
    """Makes the cluster in which tasks run. Console sessions are logged in the session log."""
    return ecs.Cluster(
        scope,
        "Cluster",
        cluster_name=config.name,
        vpc=network.vpc,
        container_insights_v2=ecs.ContainerInsights.ENABLED,
        execute_command_configuration=ecs.ExecuteCommandConfiguration(
            kms_key=key,
            logging=ecs.ExecuteCommandLogging.OVERRIDE,
            log_configuration=ecs.ExecuteCommandLogConfiguration(
                cloud_watch_log_group=session_log, cloud_watch_encryption_enabled=True
            ),
        ),
    )


class Service(Construct):
    def __init__(
        self,
        scope: Construct,
        config: Config,
        network: Network,
        cluster: ecs.Cluster,
        task: ecs.FargateTaskDefinition,
        rollback_alarms: list[str],
    ) -> None:
        super().__init__(scope, "Service")
        self._config, self._network = config, network
        self.balancer = elb.ApplicationLoadBalancer(
            self,
            "Balancer",
            load_balancer_name=config.name,
            vpc=network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_group_name=PUBLIC),
            internet_facing=True,
            security_group=network.groups.balancer,
            drop_invalid_header_fields=True,
            desync_mitigation_mode=elb.DesyncMitigationMode.STRICTEST,
            deletion_protection=True,
            idle_timeout=Duration.seconds(BALANCER_IDLE),
        )
        self.pages = self._target_group()
        self._listen()
        fewest, most = config.size.tasks
        self.service = ecs.FargateService(
            self,
            "Web",
            service_name="web",
            cluster=cluster,
            task_definition=task,
            # There is no desired count, because each deployment would reset the count that scaling
            # has set.
            assign_public_ip=False,
            vpc_subnets=ec2.SubnetSelection(subnet_group_name=TASKS),
            security_groups=[network.groups.web],
            platform_version=ecs.FargatePlatformVersion.LATEST,
            min_healthy_percent=100,  # new tasks serve before the old ones stop
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            deployment_alarms=ecs.DeploymentAlarmConfig(
                alarm_names=rollback_alarms, behavior=ecs.AlarmBehavior.ROLLBACK_ON_ALARM
            ),
            health_check_grace_period=Duration.seconds(60),
            enable_execute_command=False,
        )
        self.pages.add_target(
            self.service.load_balancer_target(container_name=CONTAINER, container_port=NGINX)
        )
        scaling = self.service.auto_scale_task_count(min_capacity=fewest, max_capacity=most)
        scaling.scale_on_cpu_utilization("Cpu", target_utilization_percent=60)

    def _target_group(self) -> elb.ApplicationTargetGroup:
        """Makes the target group. The health check /readyz succeeds if the database answers and is
        migrated. A task is replaced only after 10 x 15 seconds, because a failover takes one to two
        minutes.
        """
        return elb.ApplicationTargetGroup(
            self,
            "Pages",
            vpc=self._network.vpc,
            port=NGINX,
            protocol=elb.ApplicationProtocol.HTTP,
            target_type=elb.TargetType.IP,
            deregistration_delay=Duration.seconds(45),
            health_check=elb.HealthCheck(
                path="/readyz",
                healthy_http_codes="200",
                interval=Duration.seconds(15),
                timeout=Duration.seconds(10),
                healthy_threshold_count=2,
                unhealthy_threshold_count=10,
            ),
        )

    def _listen(self) -> None:
        config = self._config
        zone = route53.HostedZone.from_hosted_zone_attributes(
            self, "Zone", hosted_zone_id=config.zone_id, zone_name=config.zone_name
        )
        certificate = acm.Certificate(
            self,
            "Certificate",
            domain_name=config.domain,
            validation=acm.CertificateValidation.from_dns(zone),
        )
        self.balancer.add_listener(
            "Https",
            port=HTTPS,
            open=False,  # the security group defines who may connect
            certificates=[certificate],
            ssl_policy=elb.SslPolicy.RECOMMENDED_TLS,
            default_target_groups=[self.pages],
        )
        self.balancer.add_listener(
            "Http",
            port=HTTP,
            open=False,
            default_action=elb.ListenerAction.redirect(
                protocol="HTTPS", port=str(HTTPS), permanent=True
            ),
        )
        route53.ARecord(
            self,
            "Address",
            zone=zone,
            record_name=f"{config.domain}.",
            target=route53.RecordTarget.from_alias(targets.LoadBalancerTarget(self.balancer)),
        )
        CfnOutput(self, "Url", value=f"https://{config.domain}")
