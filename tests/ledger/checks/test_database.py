"""What the database tells `check --deploy`."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from django.core.checks import CheckMessage
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import OperationalError, connection
from django.utils import timezone

from accounts.approvals import write_thresholds
from accounts.deploy_checks import check_thresholds
from ledger.checks import database
from ledger.checks.database import check_database
from ledger.checks.worker_role import worker_role
from ledger.db.models import JobRecord
from ledger.db.server import zones
from ledger.jobs import records
from ledger.jobs.schedule import BACKUP, JOBS
from tests.console import read
from tests.pooler import beside

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def found() -> Iterator[psycopg.Connection[Any]]:
    with beside() as connection:
        connection.execute("SET synchronous_commit = on")
        yield connection


def names(messages: Any) -> list[str]:
    found: list[CheckMessage] = list(messages)
    assert all(message.hint for message in found)
    return [str(message.id).removeprefix("ledger.") for message in found]


def words(messages: Any) -> str:
    return " ".join(message.msg for message in messages)


def all_done() -> None:
    for job in (*JOBS, BACKUP):
        records.note_done(name=job.name, began_at=records.clock())


def test_jobs_that_never_ran_are_named_each() -> None:
    assert names(database.late_jobs()) == [f"job.{job.name}" for job in JOBS]


def test_a_job_that_was_not_seen_for_a_day_is_named_with_its_time_and_failure() -> None:
    all_done()
    assert names(database.late_jobs()) == []
    days = JobRecord.objects.filter(name="seal_ledger")
    days.update(done_at=records.clock() - timedelta(days=2))
    records.note_failed(name="seal_ledger", error="StillWriting")

    (late,) = database.late_jobs()

    assert late.id == "ledger.job.seal_ledger"
    assert f"{days.get().done_at:%Y-%m-%d}" in late.msg
    assert "StillWriting" in late.msg


def test_a_bank_without_a_backup_is_told(found: object) -> None:
    assert names(database.backups()) == ["backup"]
    all_done()
    assert names(database.backups()) == []


@pytest.mark.parametrize(
    ("aurora", "archives", "recent", "fails", "told"),
    [
        (False, True, True, False, []),
        (False, True, False, False, ["backup"]),
        (False, True, True, True, ["archive", "backup"]),
        (True, False, False, False, []),  # it keeps its own, and tells nothing of it
    ],
)
def test_an_archive_of_the_server_counts_while_it_works(
    monkeypatch: pytest.MonkeyPatch,
    aurora: bool, archives: bool, recent: bool, fails: bool, told: list[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(
        database, "ARCHIVE", f"SELECT {aurora}, {archives}, {recent}, {fails}".lower()
    )
    assert names(database.backups()) == told


def test_the_roles_have_the_rights_of_the_docs(found: Any) -> None:
    assert names(database.roles(found)) == []
    assert names(worker_role(found)) == []


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ("true, true, true, true, true", ["is a superuser"]),
        ("false, true, false, false, false", ["bypasses row-level security"]),
        ("false, false, true, false, false", ["can create roles"]),
        ("false, false, true, true, true", ["owns the tables", "can create roles"]),
    ],
)
def test_a_web_role_that_may_more_is_named(
    found: Any, monkeypatch: pytest.MonkeyPatch, facts: str, said: list[str]
) -> None:
    monkeypatch.setattr(database, "ROLE", f"SELECT {facts} FROM pg_roles WHERE rolname = %s")
    told = words(database.roles(found))
    assert all(what in told for what in said)
    assert told.count("web processes") == len(said)


def test_a_web_role_that_may_delete_payments_is_named(found: Any) -> None:
    found.execute("GRANT DELETE ON transactions TO ledger_web")
    try:
        assert "can delete payments" in words(database.roles(found))
    finally:
        found.execute("REVOKE DELETE ON transactions FROM ledger_web")


def test_a_table_whose_triggers_are_off_is_named(found: Any) -> None:
    assert names(database.triggers(found)) == []
    with found.transaction(force_rollback=True):
        found.execute("ALTER TABLE reads DISABLE TRIGGER USER")
        assert names(database.triggers(found)) == ["triggers"]
        assert "reads" in words(database.triggers(found))
    assert "tables whose triggers are off" in read("docs/running.md")


def test_a_missing_web_role_is_told(found: Any, settings: Any) -> None:
    settings.LEDGER_WEB_ROLE = "nobody_here"
    assert names(database.roles(found)) == ["web_role"]
    assert "nobody_here" in words(database.roles(found))


def test_web_processes_that_sign_in_as_the_owner_are_told(found: Any, settings: Any) -> None:
    settings.LEDGER_ROLE = "web"
    assert names(database.roles(found)) == ["web_role"]  # the tests' own login owns the tables


def test_a_server_that_forgets_commits_is_told(found: Any) -> None:
    assert names(database.durability(found)) == []
    found.execute("SET synchronous_commit = off")
    assert names(database.durability(found)) == ["durability"]
    assert "synchronous_commit" in words(database.durability(found))


QUIET = {
    "log_error_verbosity": "terse", "log_min_error_statement": "panic",
    "log_parameter_max_length": "0", "log_parameter_max_length_on_error": "0",
    "log_statement": "none", "log_min_duration_statement": "-1", "log_min_duration_sample": "-1",
    "log_transaction_sample_rate": "0",
}  # fmt: skip


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("log_error_verbosity", "default"),
        ("log_min_error_statement", "error"),
        ("log_parameter_max_length", "-1"),
        ("log_parameter_max_length_on_error", "64"),
        ("log_statement", "mod"),
        ("log_min_duration_statement", "1000"),
        ("log_min_duration_sample", "1000"),
        ("log_transaction_sample_rate", "1"),
        ("auto_explain.log_min_duration", "1000"),
    ],
)
def test_a_server_whose_log_keeps_data_of_people_is_told(
    found: Any, monkeypatch: pytest.MonkeyPatch, setting: str, value: str
) -> None:
    def told(settings: dict[str, str]) -> list[CheckMessage]:
        rows = ", ".join(f"('{name}', '{held}')" for name, held in settings.items())
        shown = f"(VALUES {rows}) AS shown (name, setting)"  # only superusers may set them
        monkeypatch.setattr(database, "TALKATIVE", statement.replace("pg_settings", shown))
        return list(database.server_log(found))

    statement = database.TALKATIVE
    assert told(QUIET) == []
    assert names(told(QUIET | {setting: value})) == ["server_log"]
    assert setting in words(told(QUIET | {setting: value}))


@pytest.mark.parametrize("level", ["on", "remote_apply", "remote_write", "local", "off"])
@pytest.mark.parametrize("standbys", ["", "ANY 1 (a, b)"])
def test_a_server_that_acknowledges_before_its_standby_has_the_row_is_told(
    found: Any, standbys: str, level: str
) -> None:
    with_standbys(found, standbys)
    found.execute(f"SET synchronous_commit = {level}")

    is_losing = level == "off" or (standbys and level in ("remote_write", "local"))

    assert names(database.durability(found)) == (["durability"] if is_losing else [])
    assert not is_losing or f"synchronous_commit is {level}" in words(database.durability(found))


def with_standbys(found: Any, standbys: str) -> None:
    """The view stands for the server's configuration, which no session can change."""
    found.execute(
        "CREATE TEMP VIEW pg_settings AS SELECT name, CASE name WHEN 'synchronous_standby_names'"
        f" THEN '{standbys}' ELSE setting END AS setting FROM pg_catalog.pg_settings"
    )


@pytest.mark.parametrize("least", ["notice", "warning", "error"])
@pytest.mark.parametrize("standbys", ["", "ANY 1 (a, b)"])
def test_a_session_that_hides_the_warning_of_a_cancelled_wait_is_told(
    found: Any, standbys: str, least: str
) -> None:
    with_standbys(found, standbys)
    found.execute(f"SET client_min_messages = {least}")

    is_losing = standbys and least == "error"

    assert names(database.durability(found)) == (["durability"] if is_losing else [])
    assert not is_losing or "client_min_messages is error" in words(database.durability(found))


def test_a_version_that_nobody_tested_is_told(found: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert names(database.version(found)) == []
    monkeypatch.setattr(database, "VERSIONS", range(9, 11))
    assert names(database.version(found)) == ["postgres_version"]


@pytest.mark.parametrize(("zone", "is_told"), [("Europe/Berlin", False), ("CET", True)])
def test_a_zone_that_postgres_reads_in_another_way_is_told(
    found: Any, settings: Any, zone: str, is_told: bool
) -> None:
    settings.TIME_ZONE = zone
    assert names(database.time_zone(found)) == (["time_zone"] if is_told else [])
    # `check_options` reports the other cause
    with patch.dict(settings.DATABASES["default"], {"TIME_ZONE": "Europe/Paris"}):
        assert names(database.time_zone(found)) == []


@pytest.mark.parametrize(("days", "start"), [(200, 1), (200, 2), (200, 3), (364, 1)])
def test_a_difference_of_one_hour_in_the_coming_year_is_told(
    found: Any, monkeypatch: pytest.MonkeyPatch, days: int, start: int
) -> None:
    """As between two versions that change the clock at another hour of the same night."""
    here, first = zones._here, timezone.now() + timedelta(days=days, hours=start)

    def changed_later(moment: datetime, zone: Any) -> datetime:
        is_between = first <= moment < first + timedelta(hours=1)
        return here(moment, zone) - timedelta(hours=is_between)

    monkeypatch.setattr(zones, "_here", changed_later)
    assert names(database.time_zone(found)) == ["time_zone"]


@pytest.mark.parametrize("options", [[], ["--deploy"]])
def test_the_command_check_compares_the_zones(settings: Any, options: list[str]) -> None:
    settings.TIME_ZONE = "CET"
    with pytest.raises(SystemCheckError) as problem:
        call_command("check", *options)
    assert str(problem.value).count("(ledger.time_zone)") == 1


def test_the_zones_are_not_compared_while_the_database_is_away(settings: Any) -> None:
    settings.TIME_ZONE = "CET"
    away = OperationalError("The database cannot be reached: it is off")
    with patch.object(database, "short_connection", side_effect=away):
        assert database.check_running_database() == []


def test_check_of_a_database_names_one_that_is_away() -> None:
    away = OperationalError("The database cannot be reached: it is off")
    with patch.object(database, "short_connection", side_effect=away):
        for options in (["--database", "default"], ["--database", "default", "--deploy"]):
            with pytest.raises(SystemCheckError) as problem:
                call_command("check", *options)
            assert str(problem.value).count("it is off") == 1
            assert "DATABASE_URL" in str(problem.value)
        with patch.object(database, "connections", {"read": connection}):
            (other,) = database.check_reachable(databases=["read"])
    assert "DATABASE_REPLICA_URLS" in str(other.hint)
    assert database.check_reachable(databases=["default"]) == []


def test_what_readyz_refuses_is_told(found: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with found.transaction():  # as `check_database` asks it
        assert names(database.prepared(found)) == []
        monkeypatch.setattr(
            "ledger.db.history.signed_facts.problem_with", lambda _found: "Other keys."
        )
        assert words(database.prepared(found)) == "Other keys."


def test_missing_migrations_are_told_alone() -> None:
    with patch.object(database, "unapplied_migrations", return_value=["ledger_db.0002_x"]):
        (message,) = check_database()
    assert message.id == "ledger.migrations"
    assert "ledger_db.0002_x" in message.msg


def test_a_database_that_is_away_is_one_message() -> None:
    refusal = OperationalError("The database cannot be reached: nobody listens\nmore")
    with patch.object(connection, "get_connection_params", side_effect=refusal):
        (message,) = check_database()
    assert message.id == "ledger.database_away"
    assert message.msg.endswith("nobody listens")
    assert "docs/databases.md" in str(message.hint)


def test_an_approval_threshold_that_the_database_does_not_know_is_told(settings: Any) -> None:
    write_thresholds()
    assert check_thresholds() == []
    settings.LEDGER_FOUR_EYES_OVER = {"*": Decimal(77)}
    assert names(check_thresholds()) == ["approval_thresholds"]


def test_thresholds_without_their_table_are_told_by_another_check() -> None:
    with connection.execute_wrapper(_away):
        assert check_thresholds() == []


def _away(*_query: object) -> None:
    raise OperationalError
