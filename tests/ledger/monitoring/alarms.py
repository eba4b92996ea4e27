"""For each alarm of `deploy/monitoring/alerts.yml`: figures by which it must ring, and figures on
the other side of its limit, by which it must not. `promtool_files` makes a test of promtool's.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

SECONDS = {"s": 1, "m": 60, "h": 3600}
BUCKETS = "ledger_http_request_seconds_bucket"
QUEUE = "ledger_http_wait_seconds_bucket"
WAITS = "ledger_pool_wait_seconds_bucket"
EVENTS = "ledger_security_events_total"
PAYMENTS = "ledger_payments_total"
DELIVERIES = "ledger_webhook_deliveries_hour"
FAILING, RECEIVERS = "ledger_webhook_receivers_failing", "ledger_webhook_receivers"
REQUESTS = "ledger_http_requests_total"
HELD, ONE_MORE = "0x60", "0 0 1x58"  # a counter, minute by minute


@dataclass(frozen=True)
class Case:
    """`quiet` and `loud` are the values of the first series; `beside` stands in both."""

    alert: str
    series: str
    quiet: str
    loud: str
    minute: int  # when it has to ring
    labels: Mapping[str, str] = field(default_factory=dict)
    beside: Mapping[str, str] = field(default_factory=dict)


A = {"instance": "a"}
CASES = (
    Case("LedgerServerAway", 'up{job="ledger",instance="a"}', "1x9", "0x9", 2,
         {"job": "ledger", **A}),
    Case("LedgerErrors", REQUESTS + '{status="5xx"}', "0+9x60", "0+20x60", 11,
         beside={REQUESTS + '{status="2xx"}': "0+990x60"}),
    Case("LedgerSlow", BUCKETS + '{le="2.5"}', "0+96x60", "0+94x60", 16,
         beside={BUCKETS + '{le="5"}': "0+100x60", BUCKETS + '{le="+Inf"}': "0+100x60"}),
    Case("LedgerRequestsWait", QUEUE + '{le="0.5"}', "0+96x60", "0+94x60", 11,
         beside={QUEUE + '{le="1"}': "0+100x60", QUEUE + '{le="+Inf"}': "0+100x60"}),
    Case("LedgerOverloaded", "ledger_http_not_begun_total", "0 0 5x58", "0 0 20x58", 3),
    Case("LedgerWorkersEnd", 'process_start_time_seconds{instance="a",worker="1"}',
         "0 1 2 2x9", "0 1 2 3 3x9", 9, A,
         {'process_start_time_seconds{instance="a",worker="0"}': "0+1x60"}),
    Case("LedgerWorkersEnd", 'process_start_time_seconds{instance="a",worker="1"}',
         "0 1 1x9", "0 1 2 3 3x9", 9, A,
         {'process_start_time_seconds{instance="a",worker="2"}': "0 1 2 3 3x9"}),
    Case("LedgerFilesNearlyUsedUp", 'process_open_fds{instance="a",worker="1"}', "80x9", "81x9", 5,
         {"worker": "1", **A}, {'process_max_fds{instance="a",worker="1"}': "100x9"}),
    Case("LedgerMemoryGrows", 'process_resident_memory_bytes{instance="a",worker="1"}',
         "999999999x30", "1000000001x30", 15, {"worker": "1", **A}),
    Case("LedgerCountsNotShared", 'ledger_metrics_shared{instance="a"}', "1x30", "0x30", 15, A),
    Case("LedgerManySignInsRefused", EVENTS + '{event="sign_in",outcome="refused"}',
         "0+4x30", "0+6x30", 11,
         beside={EVENTS + '{event="sign_in",outcome="limited"}': "0+5x30",
                 EVENTS + '{event="sign_in",outcome="done"}': "0+100x30"}),
    Case("LedgerSecondFactorsGuessed", EVENTS + '{event="second_factor",outcome="limited"}',
         HELD, ONE_MORE, 3,
         beside={EVENTS + '{event="second_factor",outcome="refused"}': "0+9x60"}),
    Case("LedgerStepUpsRefused", EVENTS + '{event="step_up",outcome="refused"}',
         "0+1x9 9x21", "0+1x12 12x18", 30,
         beside={EVENTS + '{event="step_up",outcome="limited"}': "0+1x10 10x20"}),
    Case("LedgerPaymentsUnknown", PAYMENTS + '{outcome="unknown"}', HELD, ONE_MORE, 3,
         beside={PAYMENTS + '{outcome="booked"}': "0+9x60"}),
    Case("LedgerPaymentsFail", PAYMENTS + '{outcome="failed"}', HELD, ONE_MORE, 3,
         beside={PAYMENTS + '{outcome="refused"}': "0+9x60"}),
    Case("LedgerRefusedByDatabase", 'ledger_refusals_total{error="RefusedByDatabase"}',
         HELD, ONE_MORE, 3, beside={'ledger_refusals_total{error="InsufficientFunds"}': "0+9x60"}),
    Case("LedgerHoldsOverdue", 'ledger_holds_overdue_seconds{instance="a"}',
         "1800x9", "1801x9", 5),
    Case("LedgerWebhooksWait", 'ledger_webhook_unserved_seconds{instance="a"}',
         "300x9", "301x9", 5),
    Case("LedgerDeliveriesFail", FAILING, "1x30", "2x30", 15,
         beside={RECEIVERS: "9x30", DELIVERIES + '{outcome="delivered"}': "0x30"}),
    Case("LedgerDeliveriesFail", FAILING, "0x30", "1x30", 15,  # the only receiver
         beside={RECEIVERS: "1x30", DELIVERIES + '{outcome="delivered"}': "0x30"}),
    Case("LedgerDeliveriesFail", DELIVERIES + '{outcome="delivered"}',
         "1x30", "0x30", 15, beside={RECEIVERS: "9x30", FAILING: "9x30"}),
    Case("LedgerWorkerSilent", 'ledger_job_last_done_timestamp_seconds{command="apply_rules"}',
         "0+60x60", "0x60", 11,
         beside={'ledger_job_last_done_timestamp_seconds{command="audit_ledger"}': "0+60x60"}),
    Case("LedgerAuditFound", 'ledger_audit_last_findings{scope="all"}', "0x9", "1x9", 1,
         {"scope": "all"}),
    Case("LedgerAuditLate", 'ledger_audit_last_timestamp_seconds{scope="all"}',
         "7200x2300", "0x2300", 37 * 60,
         beside={'ledger_audit_last_timestamp_seconds{scope="recent"}': "0+60x2300"}),
    Case("LedgerSealLate", "ledger_seal_until_timestamp_seconds", "7200x3700", "1x3700", 61 * 60),
    Case("LedgerJobLate", 'ledger_job_late{command="seal_ledger"}', "0x30", "1x30", 15,
         {"command": "seal_ledger"}),
    Case("LedgerJobFailed", 'ledger_job_last_failed_timestamp_seconds{command="seal_ledger"}',
         "5x9", "7x9", 1, {"command": "seal_ledger"},
         {'ledger_job_last_done_timestamp_seconds{command="seal_ledger"}': "6x9"}),
    Case("LedgerDatabaseAway", 'ledger_db_up{instance="a"}', "1x9", "0x9", 1, A),
    Case("LedgerDatabaseReadOnly", 'ledger_db_writable{instance="a"}', "1x9", "0x9", 1, A),
    Case("LedgerFiguresMissing", 'ledger_figures_read{instance="a",figures="holds"}',
         "1x9", "0x9", 5, {"figures": "holds", **A}, {'ledger_db_up{instance="a"}': "1x9"}),
    Case("LedgerCommitsNotConfirmed", 'ledger_db_unconfirmed_commits_total{instance="a"}',
         HELD, ONE_MORE, 3),
    Case("LedgerStandbyIsLost", 'ledger_db_synchronous_standbys{instance="a"}', "1x9", "0x9", 1,
         beside={'ledger_db_synchronous_standbys_needed{instance="a"}': "1x9"}),
    Case("LedgerStandbyIsLost", 'ledger_db_commit_wait_seconds{instance="a"}', "15x9", "16x9", 1),
    Case("LedgerWorkGivenUp", 'ledger_db_given_up_total{reason="lost_race"}',
         "0+1x4 4x30", "0+1x30", 11, {"reason": "lost_race"}),
    Case("LedgerManyLostRaces", 'ledger_db_retries_total{reason="lost_race"}',
         "0+290x60", "0+310x60", 11, beside={'ledger_db_retries_total{reason="away"}': "0+900x60"}),
    Case("LedgerDeadlocks", 'ledger_db_deadlocks_total{instance="a"}', HELD, ONE_MORE, 3),
    Case("LedgerOldTransaction", 'ledger_db_oldest_transaction_seconds{instance="a"}',
         "900x9", "901x9", 1),
    Case("LedgerManyWaitForLocks", 'ledger_db_waiting_locks{instance="a"}', "10x9", "11x9", 2),
    Case("LedgerConnectionsNearlyUsedUp", 'ledger_db_server_connections{instance="a"}',
         "80x9", "81x9", 5, beside={'ledger_db_connections_max{instance="a"}': "100x9"}),
    Case("LedgerPoolIsShort", 'ledger_pool_refused_total{instance="a",database="default"}',
         HELD, ONE_MORE, 3, {"database": "default", **A}),
    Case("LedgerPoolIsShort", WAITS + '{instance="a",database="default",le="0.5"}',
         "0+96x60", "0+94x60", 6, {"database": "default", **A},
         {WAITS + '{instance="a",database="default",le="1"}': "0+100x60",
          WAITS + '{instance="a",database="default",le="+Inf"}': "0+100x60"}),
    Case("LedgerReplicaLeftOut", 'ledger_replica_left_out{instance="a",replica="b",reason="error"}',
         "0x9", "1x9", 5, {"replica": "b", "reason": "error", **A}),
    Case("LedgerReplicaBehind", 'ledger_replica_lag_bytes{replica="b"}',
         "67108864x9", "67108865x9", 5, {"replica": "b"}),
    Case("LedgerReplicaReadsRepeated", 'ledger_replica_repeated_reads_total{replica="b"}',
         "0+4x60", "0+6x60", 21, {"replica": "b"},
         {'ledger_replica_reads_total{replica="b"}': "0+100x60"}),
)  # fmt: skip


def promtool_files(rule: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The rule without its words, for a file of its name, and promtool's test of it."""
    bare = {key: rule[key] for key in ("alert", "expr", "for", "labels") if key in rule}
    tests = [test for case in CASES if case.alert == rule["alert"] for test in _tests(case, rule)]
    return (
        {"groups": [{"name": "one", "rules": [bare]}]},
        {"rule_files": [f"{rule['alert']}.yml"], "evaluation_interval": "30s", "tests": tests},
    )


def _tests(case: Case, rule: dict[str, Any]) -> Iterator[dict[str, Any]]:
    rings = [{"exp_labels": {**rule["labels"], **case.labels}}]
    at = f"{case.minute}m"
    yield _test(case, case.quiet, {at: []})
    # While it waits for `for` it is silent, whatever the figures say.
    waits = _seconds(rule.get("for", "0s"))
    before: dict[str, list[Any]] = {f"{waits - 30}s": []} if waits else {}
    yield _test(case, case.loud, {**before, at: rings})


def _test(case: Case, values: str, expected: Mapping[str, list[Any]]) -> dict[str, Any]:
    series = {case.series: values, **case.beside}
    return {
        "name": f"{case.alert}: {case.series} {values}",
        "interval": "1m",
        "input_series": [{"series": name, "values": held} for name, held in series.items()],
        "alert_rule_test": [
            {"eval_time": at, "alertname": case.alert, "exp_alerts": alerts}
            for at, alerts in expected.items()
        ],
    }


def _seconds(duration: str) -> int:
    found = re.fullmatch(r"(\d+)([smh])", duration)
    assert found, duration
    return int(found[1]) * SECONDS[found[2]]
