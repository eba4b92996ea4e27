"""Somebody hears of each thing that goes wrong."""

import json
import re
import subprocess

from tests.flavours import ROOT, Templates, templates, text

# What the bank needs to hear of, and how the names of such alarms begin.
OF_ALL = {
    "errors-of-pages", "no-task-is-ready", "slow-pages", "memory-of-tasks", "connections-", "cpu-",
    "storage-", "transaction-ids-", "idle-in-transaction-", "oldest-transaction-", "deadlocks",
    "memory-", "audit-failed", "no-clean-audit",
}  # fmt: skip
PAGE = (ROOT / "docs/deploy-aws.md").read_text()
AUDIT = """
from transactions.audit.audit import Audit
from transactions.management.commands.audit_ledger import log_result
log_result(Audit())
"""


def _names(bank: Templates) -> set[str]:
    prefix = f"{bank.config.name}-"
    return {alarm["AlarmName"].removeprefix(prefix)
            for _, alarm in bank.of_type("AWS::CloudWatch::Alarm")}  # fmt: skip


def test_there_is_an_alarm_for_each(bank: Templates) -> None:
    expected = set(OF_ALL)
    if bank.config.is_aurora:
        expected.add("lag")
    elif bank.config.size.has_replica:
        expected.add("lag-")
    if bank.config.proxy:
        expected.add("pinned")
    names = _names(bank)
    for each in expected:
        assert any(name.startswith(each) for name in names), each
    for name in names:
        assert any(name.startswith(each) for each in expected), name


def test_each_one_mails_and_is_in_the_table_of_the_page(bank: Templates) -> None:
    topic = text({"Ref": next(id for id, _ in bank.of_type("AWS::SNS::Topic"))})
    for id, alarm in bank.of_type("AWS::CloudWatch::Alarm"):
        assert [text(action) for action in alarm["AlarmActions"]] == [topic], id
        name = alarm["AlarmName"].removeprefix(f"{bank.config.name}-")
        word = re.sub(r"-?(ledger|restored)-.*", "", name)
        assert f"`{word}`" in PAGE, f"the page does not say what {word} means"
    (subscription,) = [each for _, each in bank.of_type("AWS::SNS::Subscription")]
    assert subscription["Protocol"] == "email"


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


def test_an_audit_that_did_not_run_is_an_alarm_too(bank: Templates) -> None:
    alarms = {alarm["AlarmName"]: alarm for _, alarm in bank.of_type("AWS::CloudWatch::Alarm")}
    missing = alarms[f"{bank.config.name}-no-clean-audit"]
    assert missing["TreatMissingData"] == "breaching"
    assert missing["Period"] == 86_400
    assert alarms[f"{bank.config.name}-audit-failed"]["TreatMissingData"] == "notBreaching"


def test_the_filters_read_what_the_audit_prints() -> None:
    """The metric counts lines of JSON with `clean`; the audit of Ledger logs such a line."""
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
    patterns = {each["FilterPattern"] for _, each in bank.of_type("AWS::Logs::MetricFilter")}
    assert patterns == {"{ $.clean IS TRUE }", "{ $.clean IS FALSE }", '"deadlock detected"'}


def test_each_command_that_fails_is_mailed(bank: Templates) -> None:
    rule = bank.one("AWS::Events::Rule")
    detail = rule["EventPattern"]["detail"]
    prefixes = {each["prefix"] for each in detail["taskDefinitionArn"]}
    families = {each["Family"] for _, each in bank.of_type("AWS::ECS::TaskDefinition")}
    watched = {prefix.rpartition("/")[2].rstrip(":") for prefix in prefixes}
    assert families - watched == {f"{bank.config.name}-web", f"{bank.config.name}-console"}
    assert detail["containers"]["exitCode"] == [{"anything-but": 0}, {"exists": False}]
    assert "Topic" in text(rule["Targets"])


def test_what_is_scheduled(bank: Templates) -> None:
    schedules = {each["Name"]: each for _, each in bank.of_type("AWS::Scheduler::Schedule")}
    names = {"audit", "seal", "holds", "erase", "retain"}
    assert set(schedules) == {f"{bank.config.name}-{name}" for name in names}
    assert schedules[f"{bank.config.name}-holds"]["ScheduleExpression"] == "rate(5 minutes)"
    for name in names - {"holds"}:
        assert schedules[f"{bank.config.name}-{name}"]["ScheduleExpressionTimezone"] == "UTC"
