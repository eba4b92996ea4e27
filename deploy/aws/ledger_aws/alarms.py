"""Alarms, by mail. docs/deploy-aws.md says of each what it means."""

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
# RDS adds storage when less than a tenth is free, so half of that is left only if it did not.
STORAGE_PART = 20
# Connections at which somebody should look. RDS takes about one for each 9.5 MB of memory.
CONNECTIONS = {"t4g.medium": 300, "m7g.large": 600, "r7g.large": 1200}
# Lines of the web tasks, and the alarms on their figures: the name, the figure, the statistic of
# five minutes, the most that is fine, how many times in a row, and what it is.
FIGURES = '{ $.event = "figures" }'
OF_THE_BANK = (
    ("oldest-transaction", "oldest_transaction_seconds", "Maximum", 900, 1,
     "Seconds that the oldest transaction has been open."),
    ("holds-overdue", "holds_overdue_seconds", "Maximum", 1800, 1,
     "Seconds that a hold whose time is over has kept a customer's money."),
    ("seal-late", "unsealed_seconds", "Maximum", 60 * 3600, 3,
     "Seconds back to the last moment that is sealed."),
    ("job-late", "jobs_late", "Maximum", 0, 3, "Scheduled jobs that were not done in their time."),
    ("webhooks-wait", "webhooks_unserved_seconds", "Maximum", 300, 2,
     "Seconds that no worker has looked after events that webhooks are due."),
    ("payments-unknown", "payments_unknown", "Sum", 0, 1,
     "Payments of which nobody knows whether they are booked."),
    ("payments-fail", "payments_failed", "Sum", 0, 1, "Payments that failed, by no rule."),
    ("refused-by-database", "refused_by_database", "Sum", 0, 1,
     "Payments that a rule of the database refused after the checks."),
)  # fmt: skip
OVER = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
UNDER = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
MISSING_IS_FINE = cloudwatch.TreatMissingData.NOT_BREACHING
MISSING_IS_BAD = cloudwatch.TreatMissingData.BREACHING


def rollback_alarms(config: Config) -> list[str]:
    """The alarms that stop a rollout, and put the version before it back."""
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
        """Two, and no sum of both: the load balancer writes each count only where it is not 0, and
        a sum has no result in a minute in which one of them is missing.
        """
        metrics = service.balancer.metrics
        return [
            self._alarm(
                "errors-of-pages",
                metrics.http_code_target(
                    elb.HttpCodeTarget.TARGET_5XX_COUNT, period=MINUTE, statistic="Sum"
                ),
                OVER, 5, "Answers of Ledger with status 5xx in a minute.", times=3,
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
            OVER, 85, "Percent of a web task's memory.", times=3,
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
            OVER, 85, "Percent of the database's processors.", times=3,
        )  # fmt: skip
        storage = "FreeLocalStorage" if config.is_aurora else "FreeStorageSpace"
        self._alarm(
            f"storage-{name}", _metric("AWS/RDS", storage, of_it, "Minimum"),
            UNDER, config.size.storage * GIB // STORAGE_PART,
            "Free bytes: RDS adds storage while a tenth is free, and has not.",
        )  # fmt: skip
        self._alarm(
            f"transaction-ids-{name}",
            _metric("AWS/RDS", "MaximumUsedTransactionIDs", of_it, "Maximum"),
            OVER, 1_000_000_000, "Transaction ids in use; Postgres stops at two billion.",
        )  # fmt: skip
        if name.endswith("-replica"):
            self._alarm(
                f"lag-{name}", _metric("AWS/RDS", "ReplicaLag", of_it, "Maximum", MINUTE),
                OVER, 60, "Seconds behind; pages leave it out from 60 on.", times=3,
            )  # fmt: skip
            return
        # Of Database Insights, which CloudWatch asks by the id of the resource.
        self._alarm(
            f"idle-in-transaction-{name}",
            _insight(resource_id, "db.state.idle_in_transaction_max_time.max"),
            OVER, 300, "Seconds that a session has been idle within its transaction.",
        )  # fmt: skip

    def _whole_database(self, server: Server) -> None:
        filters = [
            self._count(f"Deadlocks{number}", group, '"deadlock detected"', "Deadlocks")
            for number, group in enumerate(server.log_groups)
        ]
        self._alarm(
            "deadlocks", filters[0].metric(period=FIVE, statistic="Sum"),
            OVER, 0, "Deadlocks, of which there are none: locks are taken in one order.",
        )  # fmt: skip
        if server.cluster:
            of_it = {"DBClusterIdentifier": server.cluster}
            self._alarm(
                "lag", _metric("AWS/RDS", "AuroraReplicaLagMaximum", of_it, "Maximum", MINUTE),
                OVER, 2000, "Milliseconds that the reader is behind.", times=3,
            )  # fmt: skip
        if self._config.proxy:
            of_it = {"ProxyName": f"{self._config.name}-proxy"}
            self._alarm(
                "pinned",
                _metric("AWS/RDS", "DatabaseConnectionsCurrentlySessionPinned", of_it, "Maximum"),
                OVER, 5, "Connections of RDS Proxy that serve one client alone.", times=3,
            )  # fmt: skip

    def _cache(self) -> None:
        for number in range(1, self._config.size.caches + 1):
            name = f"{self._config.name}-cache-{number:03}"
            self._alarm(
                f"memory-{name}",
                _metric(
                    "AWS/ElastiCache", "DatabaseMemoryUsagePercentage", {"CacheClusterId": name}
                ),
                OVER, 75, "Percent of the cache's memory; full, it refuses.",
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
            OVER, 0, "The audit found something wrong with the books.",
        )  # fmt: skip
        self._alarm(
            # By hours: a day has 25 of them in autumn, and an audit may take longer than the last.
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
            # The fewest: one that ends again and again runs at times.
            "no-worker", _metric("ECS/ContainerInsights", "RunningTaskCount", of_it, "Minimum"),
            UNDER, 1, "No task delivers events to webhooks.", times=3, missing=MISSING_IS_BAD,
        )  # fmt: skip

    def _failed_commands(self, tasks: Tasks, cluster: ecs.Cluster) -> None:
        """Mails of each command that ended with an error, or did not start."""
        families = [
            f"arn:aws:ecs:{self._config.region}:{self._config.account}:task-definition/"
            f"{self._config.name}-{name}:"
            for name in (*tasks.commands, "work")
        ]
        rule = events.Rule(
            self,
            "FailedCommands",
            rule_name=f"{self._config.name}-failed-commands",
            description="Commands that ended with an error",
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
        """What each web task logs once a minute: `ledger/monitoring/figures_log.py`."""
        for name, figure, statistic, most, times, description in OF_THE_BANK:
            found = self._count(name.title().replace("-", ""), log, FIGURES, value=f"$.{figure}")
            metric = found.metric(period=FIVE, statistic=statistic)
            self._alarm(name, metric, OVER, most, description, times=times)
        lines = self._count("Figures", log, FIGURES)
        self._alarm(
            "no-figures", lines.metric(period=FIVE, statistic="Sum"),
            UNDER, 1, "No web task logs the figures of the bank.", times=3, missing=MISSING_IS_BAD,
        )  # fmt: skip

    def _count(
        self, id: str, log: logs.ILogGroup, pattern: str, metric: str = "", value: str = "1"
    ) -> logs.MetricFilter:
        """A metric of the bank's own, of the lines of a log that fit."""
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
        """What RDS itself says: failovers, failures, backups, and storage that ends."""
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
