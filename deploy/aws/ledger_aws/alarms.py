"""Alarms, sent by email. docs/runbook.md explains each alarm."""

from aws_cdk import Duration, Fn
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from ledger_aws.config import Config
from ledger_aws.database import Server
from ledger_aws.service import Service
from ledger_aws.tasks import Tasks

MINUTE, FIVE, HOUR = Duration.minutes(1), Duration.minutes(5), Duration.hours(1)
GIB = 1024**3
# RDS adds storage when less than a tenth is free. Less than a twentieth means that RDS has not
# added storage.
STORAGE_PART = 20
# The number of connections above which an alarm fires. RDS allows about one for each 9.5 MB of
# memory.
CONNECTIONS = {"t4g.medium": 300, "m7g.large": 600, "r7g.large": 1200}
# Alarms on numbers in log lines of the web tasks: name, field, statistic over five minutes, highest
# normal value, number of periods in a row, and description.
FIGURES = '{ $.event = "figures" }'
OF_THE_BANK = (
    ("oldest-transaction", "oldest_transaction_seconds", "Maximum", 900, 1,
     "Seconds that the oldest transaction has been open."),
    ("holds-overdue", "holds_overdue_seconds", "Maximum", 1800, 1,
     "Seconds that an expired hold has blocked a customer's money."),
    ("seal-late", "unsealed_seconds", "Maximum", 60 * 3600, 3,
     "Seconds since the end of the last sealed day."),
    ("job-late", "jobs_late", "Maximum", 0, 3, "Scheduled jobs that did not run in time."),
    ("webhooks-wait", "webhooks_unserved_seconds", "Maximum", 300, 2,
     "Seconds since a worker last handled events that are due for webhooks."),
    ("deliveries-fail", "webhooks_fail", "Maximum", 0, 3,
     "Receivers that fail, while no event was delivered for an hour."),
    ("payments-unknown", "payments_unknown", "Sum", 0, 1,
     "Payments with an unknown outcome."),
    ("payments-fail", "payments_failed", "Sum", 0, 1, "Payments that failed, but no rule refused."),
    ("refused-by-database", "refused_by_database", "Sum", 0, 1,
     "Payments that a database rule refused although the checks had passed."),
)  # fmt: skip
OVER = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
UNDER = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
MISSING_IS_FINE = cloudwatch.TreatMissingData.NOT_BREACHING
MISSING_IS_BAD = cloudwatch.TreatMissingData.BREACHING


def rollback_alarms(config: Config) -> list[str]:
    """Returns the names of the alarms that make ECS stop a rollout and restore the previous
    version.
    """
    return [f"{config.name}-errors-of-pages", f"{config.name}-errors-of-balancer"]


class Alarms(Construct):
    def __init__(
        self,
        scope: Construct,
        config: Config,
        key: kms.IKey,
        server: Server,
        service: Service,
        cluster: ecs.Cluster,
        tasks: Tasks,
        schedules: scheduler.IScheduleGroup,
    ) -> None:
        super().__init__(scope, "Alarms")
        self._config = config
        self.topic = sns.Topic(
            self, "Topic", topic_name=f"{config.name}-alarms", master_key=key, enforce_ssl=True
        )
        self.topic.add_subscription(subscriptions.EmailSubscription(config.alarm_email))
        for principal in ("cloudwatch", "events.rds"):
            self.topic.grant_publish(
                iam.ServicePrincipal(
                    f"{principal}.amazonaws.com",
                    conditions={"StringEquals": {"aws:SourceAccount": config.account}},
                )
            )
        self.for_rollback = self._pages(service)
        self._web(service, cluster)
        for name, resource_id in server.instances.items():
            self._instance(name, resource_id)
        self._whole_database(server)
        self._cache()
        self._commands(tasks, cluster, schedules)
        self._bank(tasks.log)
        self._events(server)

    # --- pages ----------------------------------------------------------------------------------

    def _pages(self, service: Service) -> list[cloudwatch.Alarm]:
        """Makes one alarm for each of two counts, not one alarm for their sum. The load balancer
        writes only counts above 0. In a minute in which one count is missing, their sum would have
        no result.
        """
        metrics = service.balancer.metrics
        return [
            self._alarm(
                "errors-of-pages",
                metrics.http_code_target(
                    elb.HttpCodeTarget.TARGET_5XX_COUNT, period=MINUTE, statistic="Sum"
                ),
                OVER, 5, "Responses of Ledger with status 5xx in a minute.", times=3,
            ),
            self._alarm(
                "errors-of-balancer",
                metrics.http_code_elb(
                    elb.HttpCodeElb.ELB_5XX_COUNT, period=MINUTE, statistic="Sum"
                ),
                OVER, 5, "Requests in a minute that no task answered.", times=3,
            ),
        ]  # fmt: skip

    def _web(self, service: Service, cluster: ecs.Cluster) -> None:
        pages = service.pages.metrics
        self._alarm(
            "no-task-is-ready", pages.healthy_host_count(period=MINUTE, statistic="Minimum"),
            UNDER, 1, "No web task answers /readyz.", times=3, missing=MISSING_IS_BAD,
        )  # fmt: skip
        self._alarm(
            "slow-pages", pages.target_response_time(period=FIVE, statistic="p95"),
            OVER, 2, "One page in twenty takes longer than 2 seconds.", times=3,
        )  # fmt: skip
        dimensions = {"ClusterName": cluster.cluster_name, "ServiceName": "web"}
        self._alarm(
            "memory-of-tasks", _metric("AWS/ECS", "MemoryUtilization", dimensions),
            OVER, 85, "Memory use of a web task, in percent.", times=3,
        )  # fmt: skip

    # --- database -------------------------------------------------------------------------------

    def _instance(self, name: str, resource_id: str) -> None:
        config, of_it = self._config, {"DBInstanceIdentifier": name}
        kind = config.size.aurora_instance if config.is_aurora else config.size.instance
        self._alarm(
            f"connections-{name}", _metric("AWS/RDS", "DatabaseConnections", of_it, "Maximum"),
            OVER, CONNECTIONS[kind], "Connections to Postgres.", times=3,
        )  # fmt: skip
        self._alarm(
            f"cpu-{name}", _metric("AWS/RDS", "CPUUtilization", of_it),
            OVER, 85, "CPU use of the database, in percent.", times=3,
        )  # fmt: skip
        storage = "FreeLocalStorage" if config.is_aurora else "FreeStorageSpace"
        self._alarm(
            f"storage-{name}", _metric("AWS/RDS", storage, of_it, "Minimum"),
            UNDER, config.size.storage * GIB // STORAGE_PART,
            "Free storage in bytes. RDS should have added storage at one tenth free.",
        )  # fmt: skip
        self._alarm(
            f"transaction-ids-{name}",
            _metric("AWS/RDS", "MaximumUsedTransactionIDs", of_it, "Maximum"),
            OVER, 1_000_000_000, "Transaction ids in use. Postgres stops at two billion.",
        )  # fmt: skip
        if name.endswith("-replica"):
            self._alarm(
                f"lag-{name}", _metric("AWS/RDS", "ReplicaLag", of_it, "Maximum", MINUTE),
                OVER, 60, "Seconds that the replica is behind. Pages leave it out at 60.", times=3,
            )  # fmt: skip
            return
        # A metric of Database Insights, which CloudWatch queries by the id of the resource.
        self._alarm(
            f"idle-in-transaction-{name}",
            _insight(resource_id, "db.state.idle_in_transaction_max_time.max"),
            OVER, 300, "Seconds that a session has been idle in a transaction.",
        )  # fmt: skip

    def _whole_database(self, server: Server) -> None:
        filters = [
            self._count(f"Deadlocks{number}", group, '"deadlock detected"', "Deadlocks")
            for number, group in enumerate(server.log_groups)
        ]
        self._alarm(
            "deadlocks", filters[0].metric(period=FIVE, statistic="Sum"),
            OVER, 0, "Deadlocks. Normally none, because locks are taken in a fixed order.",
        )  # fmt: skip
        if server.cluster:
            of_it = {"DBClusterIdentifier": server.cluster}
            self._alarm(
                "lag", _metric("AWS/RDS", "AuroraReplicaLagMaximum", of_it, "Maximum", MINUTE),
                OVER, 2000, "Lag of the reader in milliseconds.", times=3,
            )  # fmt: skip
        if self._config.proxy:
            of_it = {"ProxyName": f"{self._config.name}-proxy"}
            self._alarm(
                "pinned",
                _metric("AWS/RDS", "DatabaseConnectionsCurrentlySessionPinned", of_it, "Maximum"),
                OVER, 5, "Connections of RDS Proxy that are pinned to one client.", times=3,
            )  # fmt: skip

    def _cache(self) -> None:
        for number in range(1, self._config.size.caches + 1):
            name = f"{self._config.name}-cache-{number:03}"
            self._alarm(
                f"memory-{name}",
                _metric(
                    "AWS/ElastiCache", "DatabaseMemoryUsagePercentage", {"CacheClusterId": name}
                ),
                OVER, 75, "Memory use of the cache, in percent. A full cache refuses writes.",
            )  # fmt: skip

    # --- commands -------------------------------------------------------------------------------

    def _commands(
        self, tasks: Tasks, cluster: ecs.Cluster, schedules: scheduler.IScheduleGroup
    ) -> None:
        found = {
            name: self._count(f"Audits{name}", tasks.command_log, f"{{ $.clean IS {value} }}")
            for name, value in {"Clean": "TRUE", "NotClean": "FALSE"}.items()
        }
        self._alarm(
            "audit-failed", found["NotClean"].metric(period=FIVE, statistic="Sum"),
            OVER, 0, "The audit found errors in the books.",
        )  # fmt: skip
        self._alarm(
            # In hours. A day in autumn has 25 hours, and an audit may take longer than the previous
            # audit.
            "no-clean-audit", found["Clean"].metric(period=HOUR, statistic="Sum"),
            UNDER, 1, "No audit has found the books clean for 27 hours.", times=27,
            missing=MISSING_IS_BAD,
        )  # fmt: skip
        self._alarm(
            "not-started", schedules.metric_dropped(period=FIVE, statistic="Sum"),
            OVER, 0, "Scheduled commands that could not start.",
        )  # fmt: skip
        self._failed_commands(tasks, cluster)
        of_it = {"ClusterName": cluster.cluster_name, "ServiceName": "work"}
        self._alarm(
            # The minimum of the period, because a worker that crashes again and again runs some of
            # the time.
            "no-worker", _metric("ECS/ContainerInsights", "RunningTaskCount", of_it, "Minimum"),
            UNDER, 1, "No task delivers events to webhooks.", times=3, missing=MISSING_IS_BAD,
        )  # fmt: skip

    def _failed_commands(self, tasks: Tasks, cluster: ecs.Cluster) -> None:
        """Sends an email about each command that ended with an error or did not start."""
        families = [
            f"arn:aws:ecs:{self._config.region}:{self._config.account}:task-definition/"
            f"{self._config.name}-{name}:"
            for name in (*tasks.commands, "work")
        ]
        rule = events.Rule(
            self,
            "FailedCommands",
            rule_name=f"{self._config.name}-failed-commands",
            description="Commands that ended with an error or did not start",
            event_pattern=events.EventPattern(
                source=["aws.ecs"],
                detail_type=["ECS Task State Change"],
                detail={
                    "clusterArn": [cluster.cluster_arn],
                    "lastStatus": ["STOPPED"],
                    "taskDefinitionArn": [{"prefix": family} for family in families],
                    "containers": {"exitCode": [{"anything-but": 0}, {"exists": False}]},
                },
            ),
        )
        rule.add_target(targets.SnsTopic(self.topic))

    # --- the bank -------------------------------------------------------------------------------

    def _bank(self, log: logs.ILogGroup) -> None:
        """Makes alarms on the log lines of `ledger/monitoring/figures_log.py`, which writes one
        line per minute.
        """
        for name, figure, statistic, most, times, description in OF_THE_BANK:
            found = self._count(name.title().replace("-", ""), log, FIGURES, value=f"$.{figure}")
            metric = found.metric(period=FIVE, statistic=statistic)
            self._alarm(name, metric, OVER, most, description, times=times)
        lines = self._count("Figures", log, FIGURES)
        self._alarm(
            "no-figures", lines.metric(period=FIVE, statistic="Sum"),
            UNDER, 1, "No web task logs the metrics of the bank.", times=3, missing=MISSING_IS_BAD,
        )  # fmt: skip

    def _count(
        self, id: str, log: logs.ILogGroup, pattern: str, metric: str = "", value: str = "1"
    ) -> logs.MetricFilter:
        """Makes a metric in the bank's namespace from the log lines that match a pattern."""
        return logs.MetricFilter(
            self,
            id,
            log_group=log,
            filter_pattern=logs.FilterPattern.literal(pattern),
            metric_namespace=self._config.name,
            metric_name=metric or id,
            metric_value=value,
        )

    def _events(self, server: Server) -> None:
        """Sends events of RDS by email: failovers, failures, backups and low storage."""
        kinds = {"db-instance": list(server.instances)}
        if server.cluster:
            kinds["db-cluster"] = [server.cluster]
        for kind, names in kinds.items():
            categories = ["failover", "failure", "maintenance", "notification"]
            if kind == "db-instance":
                categories += ["availability", "backup", "low storage", "recovery"]
            rds.CfnEventSubscription(
                self,
                f"Events{kind.title().replace('-', '')}",
                sns_topic_arn=self.topic.topic_arn,
                source_type=kind,
                source_ids=names,
                event_categories=categories,
                enabled=True,
            )

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        comparison: cloudwatch.ComparisonOperator,
        threshold: float,
        description: str,
        *,
        times: int = 1,
        missing: cloudwatch.TreatMissingData = MISSING_IS_FINE,
    ) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{self._config.name}-{name}",
            alarm_description=description,
            metric=metric,
            comparison_operator=comparison,
            threshold=threshold,
            evaluation_periods=times,
            treat_missing_data=missing,
        )
        action = actions.SnsAction(self.topic)
        alarm.add_alarm_action(action)
        alarm.add_ok_action(action)
        return alarm


def _metric(
    namespace: str,
    name: str,
    dimensions: dict[str, str],
    statistic: str = "Average",
    period: Duration = FIVE,
) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace, metric_name=name, dimensions_map=dimensions,
        statistic=statistic, period=period,
    )  # fmt: skip


def _insight(resource_id: str, counter: str) -> cloudwatch.MathExpression:
    expression = Fn.join("", ["DB_PERF_INSIGHTS('RDS', '", resource_id, f"', '{counter}')"])
    return cloudwatch.MathExpression(expression=expression, using_metrics={}, period=FIVE)
