"""The tasks that must succeed before a new version serves pages.

Note [The gate]: the tasks `roles` and `migrate` are resources of the stack, and the service depends
on them. CloudFormation runs them with the new image, waits for their exit codes, and only then
updates the service. If a task fails, the deployment fails and the old version continues to run. New
tables and columns do not disturb the old version (docs/migrations.md). A pipeline step could do the
same, but deployments outside the pipeline would skip the step.
"""

from pathlib import Path

from aws_cdk import CustomResource, Duration, Stack, custom_resources
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from ledger_aws.config import Config
from ledger_aws.log_groups import new_log_group
from ledger_aws.network import TASKS, Network

HANDLERS = Path(__file__).resolve().parent.parent / "handlers"
LONGEST = Duration.hours(1)  # the maximum that CloudFormation waits for a resource


class Gate(Construct):
    def __init__(
        self,
        scope: Construct,
        config: Config,
        network: Network,
        cluster: ecs.ICluster,
        key: kms.IKey,
        tasks: dict[str, ecs.FargateTaskDefinition],
        log: logs.ILogGroup,
    ) -> None:
        super().__init__(scope, "Gate")
        self._cluster, self._network, self._task_log = cluster, network, log
        self._log = new_log_group(self, "Log", f"/{config.name}/gate", key)
        start, ask = self._handler("on_event"), self._handler("is_complete")
        self._allow(start, ask, tasks)
        self._provider = custom_resources.Provider(
            self,
            "Provider",
            on_event_handler=start,
            is_complete_handler=ask,
            query_interval=Duration.seconds(10),
            total_timeout=LONGEST,
            log_group=self._log,
            disable_waiter_state_machine_logging=True,
        )
        self.last: CustomResource | None = None
        for name, task in tasks.items():
            self._pass(name, task)

    def _handler(self, name: str) -> lambda_.Function:
        return lambda_.Function(
            self,
            name.title().replace("_", ""),
            runtime=lambda_.Runtime.PYTHON_3_13,
            code=lambda_.Code.from_asset(str(HANDLERS)),
            handler=f"run_task.{name}",
            timeout=Duration.minutes(1),
            log_group=self._log,
        )

    def _allow(
        self,
        start: lambda_.Function,
        ask: lambda_.Function,
        tasks: dict[str, ecs.FargateTaskDefinition],
    ) -> None:
        stack = Stack.of(self)
        of_this_cluster = {"ArnEquals": {"ecs:cluster": self._cluster.cluster_arn}}
        start.add_to_role_policy(
            iam.PolicyStatement(
                actions=["ecs:RunTask"],
                resources=[task.task_definition_arn for task in tasks.values()],
                conditions=of_this_cluster,
            )
        )
        roles = [task.task_role.role_arn for task in tasks.values()]
        roles += [task.obtain_execution_role().role_arn for task in tasks.values()]
        start.add_to_role_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=roles,
                conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
            )
        )
        ask.add_to_role_policy(
            iam.PolicyStatement(
                actions=["ecs:DescribeTasks"],
                resources=[
                    stack.format_arn(
                        service="ecs",
                        resource="task",
                        resource_name=f"{self._cluster.cluster_name}/*",
                    )
                ],
                conditions=of_this_cluster,
            )
        )

    def _pass(self, name: str, task: ecs.FargateTaskDefinition) -> None:
        """Runs the task in each deployment that changes the task definition. It starts when the
        previous task of the gate has succeeded.
        """
        subnets = self._network.vpc.select_subnets(subnet_group_name=TASKS).subnet_ids
        group: ec2.ISecurityGroup = self._network.groups.commands
        done = CustomResource(
            self,
            name.capitalize(),
            service_token=self._provider.service_token,
            resource_type="Custom::Task",
            properties={
                "Name": name,
                "Cluster": self._cluster.cluster_arn,
                "TaskDefinition": task.task_definition_arn,
                "Subnets": subnets,
                "SecurityGroups": [group.security_group_id],
                "Log": self._task_log.log_group_name,
            },
        )
        done.node.add_dependency(task)
        if self.last is not None:
            done.node.add_dependency(self.last)
        self.last = done
