"""Lists the expected alarms. The tests compare their conditions with the templates, because nobody
notices an alarm that never fires.
"""

from typing import Any, NamedTuple

from tests.flavours import Properties, Templates

ABOVE, BELOW = "GreaterThanThreshold", "LessThanThreshold"
FINE, BAD = "notBreaching", "breaching"
GIB = 1024**3
BALANCER, RDS, OWN = "AWS/ApplicationELB", "AWS/RDS", "the bank"
INSIGHT = "DB_PERF_INSIGHTS('RDS', '', 'db.state.idle_in_transaction_max_time.max')"


class Row(NamedTuple):
    """An alarm: its metric and the condition under which it fires. `missing` is the treatment of
    missing values.
    """

    metric: str  # with its namespace, or the expression
    statistic: str
    period: int  # seconds
    comparison: str
    threshold: float
    times: int
    missing: str = FINE


def _own(name: str, *rest: Any) -> Row:
    return Row(f"{OWN} {name}", *rest)


TABLE = {
    "errors-of-pages": Row(f"{BALANCER} HTTPCode_Target_5XX_Count", "Sum", 60, ABOVE, 5, 3),
    "errors-of-balancer": Row(f"{BALANCER} HTTPCode_ELB_5XX_Count", "Sum", 60, ABOVE, 5, 3),
    "no-task-is-ready": Row(f"{BALANCER} HealthyHostCount", "Minimum", 60, BELOW, 1, 3, BAD),
    "slow-pages": Row(f"{BALANCER} TargetResponseTime", "p95", 300, ABOVE, 2, 3),
    "memory-of-tasks": Row("AWS/ECS MemoryUtilization", "Average", 300, ABOVE, 85, 3),
    "cpu": Row(f"{RDS} CPUUtilization", "Average", 300, ABOVE, 85, 3),
    "transaction-ids": Row(f"{RDS} MaximumUsedTransactionIDs", "Maximum", 300, ABOVE, 1e9, 1),
    "idle-in-transaction": Row(INSIGHT, "", 300, ABOVE, 300, 1),
    "deadlocks": _own("Deadlocks", "Sum", 300, ABOVE, 0, 1),
    "memory": Row(
        "AWS/ElastiCache DatabaseMemoryUsagePercentage", "Average", 300, ABOVE, 75, 1
    ),
    "audit-failed": _own("AuditsNotClean", "Sum", 300, ABOVE, 0, 1),
    "no-clean-audit": _own("AuditsClean", "Sum", 3600, BELOW, 1, 27, BAD),
    "no-worker": Row("ECS/ContainerInsights RunningTaskCount", "Minimum", 300, BELOW, 1, 3, BAD),
    "not-started": Row("AWS/Scheduler InvocationDroppedCount", "Sum", 300, ABOVE, 0, 1),
    "oldest-transaction": _own("OldestTransaction", "Maximum", 300, ABOVE, 900, 1),
    "holds-overdue": _own("HoldsOverdue", "Maximum", 300, ABOVE, 1800, 1),
    "seal-late": _own("SealLate", "Maximum", 300, ABOVE, 60 * 3600, 3),
    "job-late": _own("JobLate", "Maximum", 300, ABOVE, 0, 3),
    "webhooks-wait": _own("WebhooksWait", "Maximum", 300, ABOVE, 300, 2),
    "deliveries-fail": _own("DeliveriesFail", "Maximum", 300, ABOVE, 0, 3),
    "payments-unknown": _own("PaymentsUnknown", "Sum", 300, ABOVE, 0, 1),
    "payments-fail": _own("PaymentsFail", "Sum", 300, ABOVE, 0, 1),
    "refused-by-database": _own("RefusedByDatabase", "Sum", 300, ABOVE, 0, 1),
    "no-figures": _own("Figures", "Sum", 300, BELOW, 1, 3, BAD),
}  # fmt: skip
# Alarms whose threshold depends on the size or the kind of database.
LEAST_FREE = {"small": 1 * GIB, "large": 5 * GIB}
CONNECTIONS = {"t4g.medium": 300, "m7g.large": 600, "r7g.large": 1200}
WITH_A_PROXY = {
    "pinned": Row(
        f"{RDS} DatabaseConnectionsCurrentlySessionPinned", "Maximum", 300, ABOVE, 5, 3
    ),
}  # fmt: skip
LAG_OF_A_REPLICA = Row(f"{RDS} ReplicaLag", "Maximum", 60, ABOVE, 60, 3)  # seconds
LAG_OF_A_READER = Row(f"{RDS} AuroraReplicaLagMaximum", "Maximum", 60, ABOVE, 2000, 3)  # ms


def expected(bank: Templates) -> dict[str, Row]:
    """Returns the alarms that the templates of this bank must contain, by their names. The names do
    not contain the names of servers.
    """
    size, is_aurora = bank.config.size, bank.config.is_aurora
    connections = CONNECTIONS[size.aurora_instance if is_aurora else size.instance]
    found = TABLE | {
        "connections": Row(f"{RDS} DatabaseConnections", "Maximum", 300, ABOVE, connections, 3),
        "storage": Row(
            f"{RDS} {'FreeLocalStorage' if is_aurora else 'FreeStorageSpace'}",
            "Minimum", 300, BELOW, LEAST_FREE[bank.config.size_name], 1,
        ),
    }  # fmt: skip
    if bank.config.proxy:
        found |= WITH_A_PROXY
    if is_aurora:
        found["lag"] = LAG_OF_A_READER
    elif size.has_replica:
        found["lag"] = LAG_OF_A_REPLICA
    return found


def row_of(alarm: Properties, bank: Templates) -> Row:
    """Returns one alarm of the template as a row."""
    assert "DatapointsToAlarm" not in alarm
    rest = (alarm["ComparisonOperator"], alarm["Threshold"], alarm["EvaluationPeriods"],
            alarm["TreatMissingData"])  # fmt: skip
    if "Metrics" in alarm:
        (metric,) = alarm["Metrics"]
        parts = metric["Expression"]["Fn::Join"][1]
        text = "".join(part for part in parts if isinstance(part, str))
        return Row(text, "", metric["Period"], *rest)
    space = OWN if alarm["Namespace"] == bank.config.name else alarm["Namespace"]
    statistic = alarm.get("Statistic") or alarm["ExtendedStatistic"]
    return Row(f"{space} {alarm['MetricName']}", statistic, alarm["Period"], *rest)
