"""Schedules for the commands that cron runs elsewhere (docs/running.md)."""

from dataclasses import dataclass

from aws_cdk import Duration, RemovalPolicy, TimeZone
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from constructs import Construct

from ledger_aws.config import Config
from ledger_aws.network import TASKS, Network


@dataclass(frozen=True)
class Nightly:
    hour: str
    minute: str


OFTEN = Duration.minutes(5)
# The seal runs half an hour after the audit, even if the audit found errors. See alarm
# `audit-failed`.
NIGHTLY = {
    "audit": Nightly("1", "30"),
    "seal": Nightly("2", "0"),
    "statements": Nightly("2", "15"),
    "erase": Nightly("2", "30"),
    "retain": Nightly("2", "45"),
}


class Schedules(Construct):
    def __init__(
        self,
        scope: Construct,
        config: Config,
        network: Network,
        cluster: ecs.ICluster,
        tasks: dict[str, ecs.FargateTaskDefinition],
    ) -> None:
        super().__init__(scope, "Schedules")
        self._network, self._cluster = network, cluster
        # A separate group, so that CloudWatch counts its failed starts separately.
        self.group = scheduler.ScheduleGroup(
            self,
            "Group",
            schedule_group_name=config.name,
            removal_policy=RemovalPolicy.DESTROY,
        )
        for name in ("holds", "orders", "rules", "alerts"):
            often = scheduler.ScheduleExpression.rate(OFTEN)
            self._schedule(config, name, often, tasks[name])
        for name, when in NIGHTLY.items():
            expression = scheduler.ScheduleExpression.cron(
                hour=when.hour, minute=when.minute, time_zone=TimeZone.of(config.time_zone)
            )
            self._schedule(config, name, expression, tasks[name])

    def _schedule(
        self,
        config: Config,
        name: str,
        when: scheduler.ScheduleExpression,
        task: ecs.FargateTaskDefinition,
    ) -> None:
        """Adds a schedule. A failed start is retried for five minutes, and then this run is
        skipped.
        """
        scheduler.Schedule(
            self,
            name.capitalize(),
            schedule_name=f"{config.name}-{name}",
            schedule_group=self.group,
            schedule=when,
            target=targets.EcsRunFargateTask(
                self._cluster,
                task_definition=task,
                assign_public_ip=False,
                vpc_subnets=ec2.SubnetSelection(subnet_group_name=TASKS),
                security_groups=[self._network.groups.commands],
                retry_attempts=3,
                max_event_age=Duration.minutes(5),
            ),
        )
