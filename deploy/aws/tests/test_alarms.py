"""Tests that an alarm or an event sends operators an email about every failure."""

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.alarm_table import GIB, Row, expected, row_of
from tests.flavours import ROOT, Properties, Templates, templates, text

FIGURES = '{ $.event = "figures" }'
RUNBOOK = (ROOT / "docs/runbook.md").read_text()
AUDIT = """
from transactions.audit.audit import Audit
from transactions.management.commands.audit_ledger import log_result
log_result(Audit())
"""


def _alarms(bank: Templates) -> Iterator[tuple[str, Properties]]:
    """Yields pairs of a name and an alarm. The name does not contain the name of the bank or of a
    server.
    """
    for _, alarm in bank.of_type("AWS::CloudWatch::Alarm"):
        name = alarm["AlarmName"].removeprefix(f"{bank.config.name}-")
        yield re.sub(rf"-{bank.config.name}-.*", "", name), alarm


def test_each_alarm_is_as_it_has_to_be_and_none_is_missing(bank: Templates) -> None:
    wanted = expected(bank)
    found: dict[str, list[Row]] = {}
    for name, alarm in _alarms(bank):
        found.setdefault(name, []).append(row_of(alarm, bank))
    assert set(found) == set(wanted)
    for name, rows in found.items():
        assert rows == [wanted[name]] * len(rows), name


@pytest.mark.parametrize("flavour", ["small", "large"])
def test_little_storage_is_less_than_rds_leaves_free_at_any_size(flavour: str) -> None:
    """Checks the threshold for every size: RDS adds storage when less than a tenth of the allocated
    size is free.
    """
    bank = templates(flavour)
    found = [alarm["Threshold"] for name, alarm in _alarms(bank) if name == "storage"]
    assert found
    for _, database in bank.of_type("AWS::RDS::DBInstance"):
        if "AllocatedStorage" in database:
            grows_at = int(database["AllocatedStorage"]) * GIB / 10
            assert all(GIB <= threshold < grows_at for threshold in found)


def test_the_proof_of_a_restored_bank_touches_no_figure_of_this_one(bank: Templates) -> None:
    """Checks that no metric filter counts log lines of the task `proof`, and that `proof` cannot
    sign in to the database of this bank by default.
    """
    proof = bank.container("proof")
    log = text(proof["LogConfiguration"]["Options"]["awslogs-group"])
    counted = {text(each["LogGroupName"]) for _, each in bank.of_type("AWS::Logs::MetricFilter")}
    assert log not in counted
    assert text(bank.container("audit")["LogConfiguration"]["Options"]["awslogs-group"]) in counted
    assert bank.statements(bank.role_of("proof")) == []
    settings = {each["Name"]: each["Value"] for each in proof["Environment"]}
    assert (settings["DB_HOST"], settings["DB_USER"]) == ("proof.invalid", "ledger_auditor")


def test_each_server_and_each_cache_has_its_alarms(bank: Templates) -> None:
    count = Counter(name for name, _ in _alarms(bank))
    servers = len([*bank.of_type("AWS::RDS::DBInstance")])
    for name in ("connections", "cpu", "storage", "transaction-ids"):
        assert count[name] == servers, name
    assert count["memory"] == bank.config.size.caches


def test_a_count_that_is_not_there_hides_no_other(bank: Templates) -> None:
    """Checks that each alarm uses only one count. The load balancer writes only counts above 0. In
    a minute in which one count is missing, an expression of two counts would have no result.
    """
    for name, alarm in _alarms(bank):
        for metric in alarm.get("Metrics", []):
            assert "MetricStat" not in metric, name


def test_each_count_is_of_the_lines_of_its_log(bank: Templates) -> None:
    """Checks each metric filter: the log that it reads, the pattern of the lines that it counts,
    and the value that it takes from a line.
    """
    found = {
        (text(each["LogGroupName"]), made["MetricName"]): (
            each["FilterPattern"],
            made["MetricValue"],
        )
        for _, each in bank.of_type("AWS::Logs::MetricFilter")
        for made in each["MetricTransformations"]
    }
    assert all(
        made["MetricNamespace"] == bank.config.name
        for _, each in bank.of_type("AWS::Logs::MetricFilter")
        for made in each["MetricTransformations"]
    )
    assert {(name, *rest) for (_, name), rest in found.items()} == {
        ("Deadlocks", '"deadlock detected"', "1"),
        ("AuditsClean", "{ $.clean IS TRUE }", "1"),
        ("AuditsNotClean", "{ $.clean IS FALSE }", "1"),
        ("OldestTransaction", FIGURES, "$.oldest_transaction_seconds"),
        ("HoldsOverdue", FIGURES, "$.holds_overdue_seconds"),
        ("SealLate", FIGURES, "$.unsealed_seconds"),
        ("JobLate", FIGURES, "$.jobs_late"),
        ("WebhooksWait", FIGURES, "$.webhooks_unserved_seconds"),
        ("DeliveriesFail", FIGURES, "$.webhooks_fail"),
        ("PaymentsUnknown", FIGURES, "$.payments_unknown"),
        ("PaymentsFail", FIGURES, "$.payments_failed"),
        ("RefusedByDatabase", FIGURES, "$.refused_by_database"),
        ("Figures", FIGURES, "1"),
    }
    for (log, _), (pattern, _value) in found.items():
        wanted = {"{ $.c": "TasksCommandLog", "{ $.e": "TasksLog"}.get(pattern[:5], "PostgresqlLog")
        assert wanted in log, (log, pattern)
    assert len([key for key in found if key[1] == "Deadlocks"]) == (
        1 if bank.config.is_aurora or not bank.config.size.has_replica else 2
    )


def test_the_figures_are_those_that_the_task_logs() -> None:
    """Runs Ledger's module with the variables of the container, on a page with all metrics."""
    bank = templates("small")
    container = bank.container("web", "figures")
    *_, module = container["EntryPoint"]
    code = f"import json; from {module} import *; log = FiguresLog(); print(json.dumps("
    metrics = "".join(f"{metric} 1\n" for metric in (
        "ledger_db_oldest_transaction_seconds", "ledger_holds_overdue_seconds",
        "ledger_webhook_unserved_seconds", "ledger_webhook_receivers_failing",
        "ledger_seal_until_timestamp_seconds", 'ledger_job_late{command="audit_ledger"}',
        'ledger_payments_total{outcome="unknown"}', 'ledger_payments_total{outcome="failed"}',
        'ledger_refusals_total{error="RefusedByDatabase"}',
    ))  # fmt: skip
    done = subprocess.run(
        [ROOT / ".venv/bin/python", "-c", f"{code}log.line(samples_of({metrics!r}), 2.0)))"],
        cwd=ROOT, capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    logged = {f"$.{name}" for name in json.loads(done.stdout)}
    counted = {
        made["MetricValue"]
        for _, each in bank.of_type("AWS::Logs::MetricFilter")
        for made in each["MetricTransformations"]
    }
    assert counted - {"1"} == logged
    assert container["Essential"] is False
    assert container["RestartPolicy"] == {"Enabled": True}
    ((options),) = [container["LogConfiguration"]["Options"]]
    assert options["awslogs-group"] == {"Ref": next(
        id for id, each in bank.of_type("AWS::Logs::LogGroup")
        if each["LogGroupName"] == "/ledger/web"
    )}  # fmt: skip


def test_each_one_mails(bank: Templates) -> None:
    topic = text({"Ref": next(id for id, _ in bank.of_type("AWS::SNS::Topic"))})
    for name, alarm in _alarms(bank):
        for kind in ("AlarmActions", "OKActions"):
            assert [text(action) for action in alarm[kind]] == [topic], name
        assert alarm.get("ActionsEnabled", True) is True
    (subscription,) = [each for _, each in bank.of_type("AWS::SNS::Subscription")]
    assert subscription["Protocol"] == "email"


def test_each_has_its_place_in_the_runbook_and_the_runbook_no_other() -> None:
    """Checks that each alarm has a section, or a row in the table that names the section of a
    Prometheus alarm. Includes the alarms of all kinds of banks.
    """
    places = re.split(r"^### ", RUNBOOK, flags=re.MULTILINE)[1:]
    found = {match[1]: place for place in places if (match := re.match(r"`([a-z-]+)`\n", place))}
    for place in found.values():
        for word in ("**Meaning.**", "**What to do.**"):
            assert place.count(word) == 1, (place, word)
    for row in re.findall(r"^\| `[a-z-]+`.* \| Ledger\w+ \| .*$", RUNBOOK, re.MULTILINE):
        found |= dict.fromkeys(re.findall(r"`([a-z-]+)`", row.split("|")[1]), row)
    kinds = ("small", "large", "aurora")
    assert set(found) == {name for kind in kinds for name, _ in _alarms(templates(kind))}
    for name, place in found.items():
        for other in re.findall(r"Ledger[A-Z]\w+", place):
            assert f"\n### {other}\n" in RUNBOOK, (name, other)


def test_each_metric_is_of_a_database_that_is_there(bank: Templates) -> None:
    instances = {each["DBInstanceIdentifier"] for _, each in bank.of_type("AWS::RDS::DBInstance")}
    clusters = {each["DBClusterIdentifier"] for _, each in bank.of_type("AWS::RDS::DBCluster")}
    seen = set()
    for _, alarm in bank.of_type("AWS::CloudWatch::Alarm"):
        for dimension in alarm.get("Dimensions", []):
            if dimension["Name"] == "DBInstanceIdentifier":
                seen.add(dimension["Value"])
            elif dimension["Name"] == "DBClusterIdentifier":
                assert dimension["Value"] in clusters
    assert seen == instances
    for _, subscription in bank.of_type("AWS::RDS::EventSubscription"):
        assert set(subscription["SourceIds"]) in (instances, clusters)


def test_the_filters_read_what_the_audit_prints() -> None:
    """Checks that Ledger's audit logs a JSON line with `clean`, which the metric counts."""
    bank = templates("small")
    environment = {each["Name"]: each["Value"] for each in bank.container("audit")["Environment"]}
    own = {"DJANGO_SETTINGS_MODULE": "ledger.settings", "PATH": "/usr/bin:/bin"}
    run = ["from django import setup; setup()\n" + AUDIT]
    done = subprocess.run(
        [ROOT / ".venv/bin/python", "-c", *run], cwd=ROOT, capture_output=True, text=True,
        check=False, env={**own, "LOG_FORMAT": environment["LOG_FORMAT"]},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (line,) = done.stderr.splitlines()
    assert json.loads(line)["clean"] is True
    assert bank.container("audit")["Command"] == ["audit_ledger"]


def test_each_command_that_fails_is_mailed(bank: Templates) -> None:
    rule = bank.one("AWS::Events::Rule")
    detail = rule["EventPattern"]["detail"]
    prefixes = {each["prefix"] for each in detail["taskDefinitionArn"]}
    families = {each["Family"] for _, each in bank.of_type("AWS::ECS::TaskDefinition")}
    watched = {prefix.rpartition("/")[2].rstrip(":") for prefix in prefixes}
    others = {f"{bank.config.name}-{name}" for name in ("web", "console", "proof")}
    assert families - watched == others
    assert detail["containers"]["exitCode"] == [{"anything-but": 0}, {"exists": False}]
    assert "Topic" in text(rule["Targets"])


def test_what_is_scheduled(bank: Templates) -> None:
    schedules = {each["Name"]: each for _, each in bank.of_type("AWS::Scheduler::Schedule")}
    often = {"holds", "orders", "rules", "alerts"}
    names = {"audit", "seal", "statements", "erase", "retain", *often}
    assert set(schedules) == {f"{bank.config.name}-{name}" for name in names}
    for name in often:
        assert schedules[f"{bank.config.name}-{name}"]["ScheduleExpression"] == "rate(5 minutes)"
    for name in names - often:
        assert schedules[f"{bank.config.name}-{name}"]["ScheduleExpressionTimezone"] == "UTC"
    times = {name: _minute(schedules[f"{bank.config.name}-{name}"]) for name in names - often}
    assert times == {"audit": 90, "seal": 120, "statements": 135, "erase": 150, "retain": 165}
    # A day is sealed if its audit was clean, and statements are issued for sealed days.
    assert times["audit"] < times["seal"] < times["statements"]
    group = bank.one("AWS::Scheduler::ScheduleGroup")["Name"]
    assert {each["State"] for each in schedules.values()} == {"ENABLED"}
    for each in schedules.values():
        assert each["GroupName"] == group or each["GroupName"]["Ref"]
        assert each["Target"]["RetryPolicy"] == {
            "MaximumEventAgeInSeconds": 300, "MaximumRetryAttempts": 3,
        }  # fmt: skip
    not_started = next(alarm for name, alarm in _alarms(bank) if name == "not-started")
    (dimension,) = not_started["Dimensions"]
    assert (dimension["Name"], dimension["Value"]) == ("ScheduleGroup", group)


def _minute(schedule: Properties) -> int:
    """Returns the minute of the day of an expression such as `cron(30 1 * * ? *)`."""
    found = re.fullmatch(r"cron\((\d+) (\d+) \* \* \? \*\)", schedule["ScheduleExpression"])
    assert found, schedule
    return int(found[2]) * 60 + int(found[1])


def test_services_of_aws_may_encrypt_what_they_publish(bank: Templates) -> None:
    """Checks that the key's policy has no condition on the account. EventBridge does not send its
    account to KMS, and silently drops what it cannot encrypt. The topic's policy limits which
    account may publish.
    """
    (key,) = [key for _, key in bank.of_type("AWS::KMS::Key")]
    encrypts = {
        service
        for each in key["KeyPolicy"]["Statement"]
        if "Condition" not in each and {"kms:Decrypt", "kms:GenerateDataKey*"} <= {*each["Action"]}
        for service in _list(each["Principal"].get("Service", []))
    }
    services = {f"{name}.amazonaws.com" for name in ("cloudwatch", "events", "events.rds")}
    assert encrypts == services
    policy = bank.one("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    publishers = {
        service: each.get("Condition", {})
        for each in policy
        if each["Effect"] == "Allow"
        for service in _list(each["Principal"]["Service"])
    }
    assert set(publishers) == services
    for service in services - {"events.amazonaws.com"}:
        account = {"aws:SourceAccount": bank.config.account}
        assert publishers[service] == {"StringEquals": account}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
