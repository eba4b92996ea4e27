"""The tasks. Each task has a separate IAM role, which may sign in only as certain Postgres
roles.
"""

from collections.abc import Mapping, Sequence
from typing import cast

from aws_cdk import Duration
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from ledger_aws import environment, nginx
from ledger_aws.attachments import AttachmentBucket
from ledger_aws.cache import Cache
from ledger_aws.config import Config
from ledger_aws.database import AUDITOR, OF_WEB, OWNER, WORKER, BankDatabase
from ledger_aws.keys import Keys
from ledger_aws.log_groups import new_log_group
from ledger_aws.network import NGINX, PROBES

CONTAINER, FIGURES = "app", "figures"
SMALL = (256, 512)  # CPU units and MiB of a command
HEALTHY = (
    "import urllib.request; urllib.request.urlopen('http://localhost:8001/healthz', timeout=4)"
)
HEARTBEAT = "/tmp/heartbeat"  # noqa: S108 - the only folder that a task can write
# The heartbeat file changes each second, or after a statement timeout at the latest.
ALIVE = f"import os, time; assert time.time() - os.stat('{HEARTBEAT}').st_mtime < 120"
# The rights that ECS Exec needs. None of these rights can be limited to a resource.
CHANNELS = [
    "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
]  # fmt: skip


class Tasks(Construct):
    """The task definitions. The task `web` serves pages, and `work` delivers events. Each other
    task runs one command and ends.
    """

    def __init__(
        self, scope: Construct, config: Config, database: BankDatabase, cache: Cache, keys: Keys,
        attachments: AttachmentBucket | None,
    ) -> None:  # fmt: skip
        super().__init__(scope, "Tasks")
        self._config, self._database, self._keys = config, database, keys
        self._image = ecs.ContainerImage.from_ecr_repository(
            ecr.Repository.from_repository_name(self, "Repository", config.repository),
            config.image_tag,
        )
        self.log = self._log_group("Log", "web")
        self.command_log = self._log_group("CommandLog", "commands")
        self.session_log = self._log_group("SessionLog", "sessions")
        self.proof_log = self._log_group("ProofLog", "proofs")
        secret_key = {"SECRET_KEY": keys.secret_key}
        every = {**secret_key, "CACHE_URL": cache.url, "EMAIL_URL": keys.mail}

        self.web = self._web({**every, "LEDGER_METRICS_TOKEN": keys.metrics_token, **keys.given})
        self.roles = self._command("roles", ["create_roles", "--iam"], secret_key, role=None)
        self.migrate = self._command("migrate", ["migrate"], secret_key, role=OWNER)
        self.audit = self._command("audit", ["audit_ledger"], secret_key, role=AUDITOR)
        self.seal = self._command("seal", ["seal_ledger"], secret_key)
        self.statements = self._command("statements", ["issue_statements"], secret_key)
        self.holds = self._command("holds", ["expire_holds"], secret_key)
        self.rules = self._command("rules", ["apply_rules"], secret_key)
        self.orders = self._command("orders", ["pay_standing_orders"], secret_key)
        mails = {**secret_key, "EMAIL_URL": keys.mail}
        self.alerts = self._command("alerts", ["send_alerts"], mails)
        self.erase = self._command("erase", ["erase_people"], secret_key)
        self.retain = self._command("retain", ["apply_retention"], secret_key)
        self.work = self._work(mails)
        self.console = self._console(every)
        self.proof = self._proof(secret_key)
        if attachments is not None:
            attachments.serve(self.web)
            attachments.serve(self.console)
            attachments.serve(self.erase, only_deletes=True)

    @property
    def commands(self) -> dict[str, ecs.FargateTaskDefinition]:
        """The tasks that are started automatically, by name."""
        names = (
            "roles", "migrate", "audit", "seal", "statements", "holds", "orders", "rules",
            "alerts", "erase", "retain",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}

    def _log_group(self, id: str, name: str) -> logs.LogGroup:
        return new_log_group(self, id, f"/{self._config.name}/{name}", self._keys.key)

    def _web(self, secrets: Mapping[str, secretsmanager.ISecret]) -> ecs.FargateTaskDefinition:
        task = self._task("web", self._config.size.task)
        server = self._database.server
        logins = [
            self._database.login_arn_of(resource, role)
            for name, resource in server.instances.items()
            if name.endswith("-replica")
            for role in OF_WEB
        ]
        is_direct = self._database.proxy is None
        login = self._database.login_arn if is_direct else self._database.proxy_login_arn
        logins += map(login, OF_WEB)
        _may_sign_in(task, logins)
        container = self._container(
            task,
            environment.of_web(self._config, self._database),
            secrets,
            log=self.log,
            health_check=ecs.HealthCheck(
                command=["CMD", "python", "-c", HEALTHY],
                interval=Duration.seconds(15),
                timeout=Duration.seconds(5),
                start_period=Duration.seconds(60),
            ),
            stop_timeout=Duration.seconds(60),  # so that running requests can end
        )
        self._nginx(task, container)
        self._figures(task)
        return task

    def _nginx(self, task: ecs.FargateTaskDefinition, web: ecs.ContainerDefinition) -> None:
        """Adds nginx in front of the web process, so that slow clients wait in nginx
        (docs/running.md). nginx starts after the web process, so ECS stops nginx first, after the
        last response.
        """
        container = task.add_container(
            nginx.CONTAINER,
            image=ecs.ContainerImage.from_registry(nginx.image()),
            entry_point=["sh", "-c", nginx.START],
            working_directory="/tmp",  # noqa: S108 - the only folder that a task can write
            environment=nginx.files(),
            readonly_root_filesystem=True,
            linux_parameters=ecs.LinuxParameters(self, "WebNginxLinux", init_process_enabled=True),
            logging=ecs.LogDriver.aws_logs(log_group=self.log, stream_prefix="web"),
            stop_timeout=Duration.seconds(60),
        )
        container.add_container_dependencies(
            ecs.ContainerDependency(
                container=web, condition=ecs.ContainerDependencyCondition.HEALTHY
            )
        )
        container.add_port_mappings(ecs.PortMapping(container_port=NGINX))
        task.add_volume(name=nginx.CONTAINER)  # Ledger need not read unfinished requests
        _mount_tmp(container, nginx.CONTAINER)

    def _figures(self, task: ecs.FargateTaskDefinition) -> None:
        """Adds a container that logs the metrics of /metrics, because only the load balancer can
        connect to the task. Pages still work if this container fails.
        """
        self._container(
            task,
            {"PORT": str(PROBES)},
            {"LEDGER_METRICS_TOKEN": self._keys.metrics_token},
            id=FIGURES,
            log=self.log,
            entry_point=["python", "-m", "ledger.monitoring.figures_log"],
        )

    def _command(
        self,
        name: str,
        command: Sequence[str],
        secrets: Mapping[str, secretsmanager.ISecret],
        role: str | None = WORKER,
        stop_timeout: Duration | None = None,
        health_check: ecs.HealthCheck | None = None,
    ) -> ecs.FargateTaskDefinition:
        """Makes a task that runs a command of manage.py. The task signs in to the database as
        `role`, or as the administrator if `role` is None. If the task does not get the secret of
        the mail server, it writes emails to its log.
        """
        task = self._task(name, SMALL)
        if role is None:
            given = environment.of_administrator(self._config, self._database)
            self._may_read(task.task_role, [self._database.server.secret])
        else:
            given = environment.of_command(self._config, self._database, role)
            _may_sign_in(task, [self._database.login_arn(role)])
        if "EMAIL_URL" in secrets:
            del given["EMAIL_URL"]
        self._container(
            task, given, secrets, log=self.command_log,
            entry_point=["python", "manage.py"], command=list(command), stop_timeout=stop_timeout,
            health_check=health_check,
        )  # fmt: skip
        return task

    def _work(self, secrets: Mapping[str, secretsmanager.ISecret]) -> ecs.FargateTaskDefinition:
        """Makes the task that delivers events to webhooks. It signs in as the worker role, which
        may read all webhooks. If deliveries to a webhook fail too often, the task stops them and
        sends an email. When the task is stopped, it first finishes its current deliveries.
        """
        return self._command(
            "work",
            ["work", "--webhooks", "--heartbeat", HEARTBEAT],
            secrets,
            stop_timeout=Duration.seconds(60),
            health_check=ecs.HealthCheck(
                command=["CMD", "python", "-c", ALIVE],
                interval=Duration.seconds(30),
                timeout=Duration.seconds(10),
                start_period=Duration.seconds(120),
            ),
        )

    def _console(self, secrets: Mapping[str, secretsmanager.ISecret]) -> ecs.FargateTaskDefinition:
        """Makes the console for operators: a task that waits an hour for `aws ecs execute-command`,
        signed in as the owner of the tables. The session log contains its input and output. ECS
        Exec needs a writable file system.
        """
        task = self._task("console", SMALL)
        _may_sign_in(task, [self._database.login_arn(OWNER)])
        role = task.task_role
        role.add_to_principal_policy(iam.PolicyStatement(actions=CHANNELS, resources=["*"]))
        self.session_log.grant_write(role)
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["logs:DescribeLogStreams"], resources=[self.session_log.log_group_arn]
            )
        )
        # The agent searches all log groups for its log, and opens no shell without this right.
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=["logs:DescribeLogGroups"], resources=["*"])
        )
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=["kms:Decrypt"], resources=[self._keys.key.key_arn])
        )
        given = environment.of_command(self._config, self._database)
        del given["EMAIL_URL"]
        self._container(
            task, given, secrets, log=self.command_log, is_read_only=False,
            entry_point=["sleep"], command=["3600"],
        )  # fmt: skip
        return task

    def _proof(self, secrets: Mapping[str, secretsmanager.ISecret]) -> ecs.FargateTaskDefinition:
        """Makes the task that audits a restored database. The operator who starts the task passes
        the host of the database and grants access to it. The task has a separate log, because the
        alarms on the log of `audit` must be only about the bank itself. It also has a separate
        role.
        """
        task = self._task("proof", SMALL)
        self._container(
            task, environment.of_proof(self._config, self._database), secrets, log=self.proof_log,
            entry_point=["python", "manage.py"], command=["audit_ledger"],
        )  # fmt: skip
        return task

    def _task(self, name: str, size: tuple[int, int]) -> ecs.FargateTaskDefinition:
        cpu, memory = size
        task = ecs.FargateTaskDefinition(
            self,
            name.capitalize(),
            family=f"{self._config.name}-{name}",
            cpu=cpu,
            memory_limit_mib=memory,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.X86_64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
        )
        task.add_volume(name="tmp")
        return task

    def _may_read(self, role: iam.IRole, secrets: Sequence[secretsmanager.ISecret]) -> None:
        """Grants a role the right to read secrets, in a policy of the role. A policy of the secret
        or of its key would name the role. The data stack would then depend on the stack with the
        tasks.
        """
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
                resources=[secret.secret_arn for secret in secrets],
            )
        )
        manager = f"secretsmanager.{self._config.region}.amazonaws.com"
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["kms:Decrypt"],
                resources=[self._keys.key.key_arn],
                conditions={"StringEquals": {"kms:ViaService": manager}},
            )
        )

    def _reference(self, name: str, secret: secretsmanager.ISecret) -> secretsmanager.ISecret:
        """Returns a reference to the secret, so that grants change only the role's policy."""
        id = f"{name.title().replace('_', '')}Reference"
        found = self.node.try_find_child(id)
        if found is None:
            found = secretsmanager.Secret.from_secret_complete_arn(self, id, secret.secret_arn)
        return cast(secretsmanager.ISecret, found)

    def _container(
        self,
        task: ecs.FargateTaskDefinition,
        given: Mapping[str, str],
        secrets: Mapping[str, secretsmanager.ISecret],
        *,
        log: logs.ILogGroup,
        id: str = CONTAINER,
        is_read_only: bool = True,
        entry_point: Sequence[str] | None = None,
        command: Sequence[str] | None = None,
        health_check: ecs.HealthCheck | None = None,
        stop_timeout: Duration | None = None,
    ) -> ecs.ContainerDefinition:
        container = task.add_container(
            id,
            image=self._image,
            essential=id == CONTAINER,
            enable_restart_policy=None if id == CONTAINER else True,
            entry_point=entry_point,
            command=command,
            environment=dict(given),
            secrets={
                name: ecs.Secret.from_secrets_manager(self._reference(name, secret))
                for name, secret in secrets.items()
            },
            readonly_root_filesystem=is_read_only,
            linux_parameters=ecs.LinuxParameters(
                self,
                f"{task.node.id}{'' if id == CONTAINER else id.title()}Linux",
                init_process_enabled=True,
            ),
            logging=ecs.LogDriver.aws_logs(log_group=log, stream_prefix=task.node.id.lower()),
            health_check=health_check,
            stop_timeout=stop_timeout,
        )
        self._may_read(task.obtain_execution_role(), list(secrets.values()))
        _mount_tmp(container)
        return container


def _mount_tmp(container: ecs.ContainerDefinition, volume: str = "tmp") -> None:
    container.add_mount_points(
        ecs.MountPoint(container_path="/tmp", source_volume=volume, read_only=False)  # noqa: S108
    )


def _may_sign_in(task: ecs.FargateTaskDefinition, logins: Sequence[str]) -> None:
    task.task_role.add_to_principal_policy(
        iam.PolicyStatement(actions=["rds-db:connect"], resources=list(logins))
    )
