"""Defines the service that delivers events to webhooks. Scheduled jobs do not run in this service:
see `schedules.py`.
"""

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from ledger_aws.network import TASKS, Network


class DeliveryService(Construct):
    """A service with one task, which ECS restarts if the task ends. During a deployment, two tasks
    run for a moment. This is safe, because only one worker at a time serves a webhook.
    """

    def __init__(
        self,
        scope: Construct,
        network: Network,
        cluster: ecs.Cluster,
        task: ecs.FargateTaskDefinition,
    ) -> None:
        super().__init__(scope, "Delivery")
        self.service = ecs.FargateService(
            self,
            "Work",
            service_name="work",
            cluster=cluster,
            task_definition=task,
            desired_count=1,
            assign_public_ip=False,
            vpc_subnets=ec2.SubnetSelection(subnet_group_name=TASKS),
            security_groups=[network.groups.work],
            platform_version=ecs.FargatePlatformVersion.LATEST,
            min_healthy_percent=100,
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            enable_execute_command=False,
        )
