"""`manage.py create_roles`, and what each role may do afterwards."""

import re

import psycopg
import pytest

from ledger.db.rights.role_setup import (
    EXPLORER_SETTINGS,
    FUNCTIONS_STAY,
    LARGE_OBJECTS_STAY,
    MEMBERSHIP_STAYS,
)
from ledger.embedded.roles import SUPERUSER
from ledger.jobs.schedule import JOBS
from tests.ledger.own_roles.conftest import (
    ADMIN,
    AUDITOR,
    NAME,
    OWNER,
    WEB,
    WORKER,
    ManagedServer,
)
from tests.ledger.processes import assert_one_sentence, wait_until
from tests.ledger.servers import superuser_of

# A hold that ends at once.
HOLD = """
from decimal import Decimal
from datetime import timedelta
from django.utils import timezone
from accounts.models import Account
from transactions import services
services.expire_holds()
account = Account.objects.filter(balance__gt=100, status="active").first()
soon = timezone.now() + timedelta(milliseconds=50)
services.hold(from_account=account, amount=Decimal(1), expires_at=soon)
"""


def test_an_administrator_who_is_no_superuser_makes_all_of_them(managed: ManagedServer) -> None:
    assert managed.values(WEB, "SELECT current_user") == [WEB]
    assert managed.values(
        ADMIN, f"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '{NAME}'"
    ) == [OWNER]
    members = "SELECT rolname FROM pg_roles WHERE pg_has_role(rolname, 'rds_iam', 'MEMBER')"
    assert {OWNER, WEB, AUDITOR} <= set(managed.values(ADMIN, members))
    rights = "SELECT rolname FROM pg_roles WHERE rolname LIKE 'bank%' AND {}"
    over = "(rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication)"
    assert managed.values(ADMIN, rights.format(over)) == [ADMIN]


def test_the_web_role_has_its_limits_of_time_also_through_a_pooler(managed: ManagedServer) -> None:
    found = managed.values(
        ADMIN, f"SELECT unnest(rolconfig) FROM pg_roles WHERE rolname = '{WEB}' ORDER BY 1"
    )
    names = [setting.partition("=")[0] for setting in found]
    assert names == [
        "idle_in_transaction_session_timeout", "lock_timeout", "statement_timeout",
        "transaction_timeout",
    ]  # fmt: skip
    assert "lock_timeout=2000ms" in found


def test_each_setting_of_the_explorer_that_may_be_given_is_given(managed: ManagedServer) -> None:
    """And the others are named: an administrator who is no superuser may be granted some."""
    role, granted = "bank_explorer", "track_counts"
    with superuser_of(managed.server) as superuser:
        superuser.execute(f"GRANT SET ON PARAMETER {granted} TO {ADMIN}".encode())
        command = ("create_roles", "--iam", "--owner", OWNER)
        said = managed.run(ADMIN, *command)
        superuser.execute(f"REVOKE SET ON PARAMETER {granted} FROM {ADMIN}".encode())
    (line,) = [line for line in said.splitlines() if "temp_file_limit" in line]
    assert {name for name in EXPLORER_SETTINGS if name in line} == {*EXPLORER_SETTINGS} - {granted}
    found = f"SELECT unnest(rolconfig) FROM pg_roles WHERE rolname = '{role}'"
    assert managed.values(ADMIN, found) == [f"{granted}=off"]


def test_functions_that_only_a_superuser_takes_are_named(managed: ManagedServer) -> None:
    """Also where Postgres only warns that it revoked nothing."""
    command = ("create_roles", "--iam", "--owner", OWNER)
    stay = {FUNCTIONS_STAY, LARGE_OBJECTS_STAY}
    assert stay <= set(managed.run(ADMIN, *command).splitlines())
    with superuser_of(managed.server) as superuser:
        superuser.execute(f"ALTER ROLE {ADMIN} SUPERUSER".encode())
        try:
            for _ in range(2):
                assert not stay & set(managed.run(ADMIN, *command).splitlines())
        finally:
            superuser.execute(f"ALTER ROLE {ADMIN} NOSUPERUSER".encode())
    assert managed.values(WEB, "SELECT pg_advisory_xact_lock(1) IS NULL") == ["False"]
    assert managed.values(AUDITOR, "SELECT pg_try_advisory_xact_lock(2)") == ["True"]


def test_a_second_run_changes_nothing(managed: ManagedServer) -> None:
    said = managed.run(ADMIN, "create_roles", "--iam", "--owner", OWNER)
    assert "Created" not in said
    assert managed.values(OWNER, "SELECT count(*) > 0 FROM transactions") == ["True"]


@pytest.mark.parametrize(("options", "tells"), [((), True), (("--iam",), False)])
def test_new_roles_need_passwords_unless_they_sign_in_by_tokens(
    bare: ManagedServer, options: tuple[str, ...], tells: bool
) -> None:
    name = f"keyed{len(options)}"
    others = [f"{name}_{role}" for role in ("web", "worker", "auditor", "explorer")]
    command = ("create_roles", *options, "--owner", name)
    url = bare.url(ADMIN).replace(f"/{NAME}", f"/{name}")

    given = {"DATABASE_URL": url, "LEDGER_ROLE_PREFIX": name}
    first, second = (bare.run(ADMIN, *command, **given) for _ in range(2))

    (line,) = [each for each in first.splitlines() if "password" in each] if tells else [""]
    assert all(role in line for role in (name, *others)) is tells
    assert "password" not in second + ("" if tells else first)


def test_a_database_of_another_role_is_named_with_the_statement(bare: ManagedServer) -> None:
    name, owner = "made_by_hand", "owner_of_books"
    others = {"LEDGER_ROLE_PREFIX": owner}
    url = bare.url(ADMIN).replace(f"/{NAME}", f"/{name}")
    with psycopg.connect(bare.url(ADMIN).replace(NAME, "postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        command = ("create_roles", "--owner", owner)

        said = bare.run(ADMIN, *command, DATABASE_URL=url, **others)

        (statement,) = re.findall("ALTER DATABASE .*", said)
        admin.execute(statement)
    assert "ALTER DATABASE" not in bare.run(ADMIN, *command, DATABASE_URL=url, **others)
    bare.run(ADMIN, "migrate", "-v0", DATABASE_URL=url.replace(ADMIN, owner), **others)


def test_migrations_do_not_warn_of_the_limits_that_it_set(managed: ManagedServer) -> None:
    done = managed.manage(OWNER, "migrate", "-v0")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_auditor_audits_and_changes_nothing_else(managed: ManagedServer) -> None:
    assert "clean" in managed.run(AUDITOR, "audit_ledger")
    assert managed.values(AUDITOR, "SELECT count(*) FROM audit_runs") == ["1"]

    tables = managed.values(
        AUDITOR,
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')"
        " AND relnamespace = 'public'::regnamespace"
        f" AND has_table_privilege('{AUDITOR}', oid, 'INSERT, UPDATE, DELETE, TRUNCATE')",
    )
    assert sorted(tables) == ["audit_runs", "job_records"]
    done = "SELECT name FROM job_records WHERE done_at IS NOT NULL"
    assert managed.values(AUDITOR, done) == ["audit_ledger"]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT password FROM users",
        "SELECT * FROM fact_keys",
        "SELECT data FROM mfa_authenticator",
        "SELECT * FROM sessions",
        "UPDATE audit_runs SET findings = '[]'",
        "DELETE FROM audit_runs",
        "INSERT INTO seals DEFAULT VALUES",
        "CREATE TABLE mine ()",
        "CREATE TEMPORARY TABLE mine ()",
        "GRANT bank_web TO bank_auditor",
    ],
)
def test_the_auditor_is_refused(managed: ManagedServer, sql: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        managed.values(AUDITOR, sql)


def test_holds_expire_by_the_web_role_and_days_are_sealed_by_the_owner(
    managed: ManagedServer,
) -> None:
    managed.run(OWNER, "shell", "-v", "0", "-c", HOLD)
    wait_until(lambda: "Released 1 hold" in managed.run(WEB, "expire_holds", LEDGER_ROLE="web"))
    assert "eal" in managed.run(OWNER, "seal_ledger")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        managed.values(WEB, "INSERT INTO seals DEFAULT VALUES")


@pytest.mark.parametrize("policies", ["False", "True"])
def test_the_worker_does_every_job_by_its_own_login(managed: ManagedServer, policies: str) -> None:
    managed.run(OWNER, "prepare", LEDGER_ROW_SECURITY=policies)
    try:
        for job in JOBS:
            managed.run(WORKER, job.name, LEDGER_ROW_SECURITY=policies)
        managed.run(WORKER, "work", "--once", LEDGER_ROW_SECURITY=policies)
    finally:
        managed.run(OWNER, "prepare", LEDGER_ROW_SECURITY="False")
    assert "0" not in managed.values(OWNER, "SELECT accounts FROM audit_runs")


@pytest.mark.parametrize(
    "sql", ["SET ROLE bank", "GRANT bank TO bank_web", "UPDATE accounts SET balance = 1"]
)
def test_the_worker_is_not_the_owner(managed: ManagedServer, sql: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        managed.values(WORKER, sql)


def test_a_worker_of_postgres_15_becomes_the_owner_until_a_superuser_takes_it(
    managed: ManagedServer,
) -> None:
    """pg_upgrade grants the membership as its superuser, and members of Postgres 15 become it."""
    command = ("create_roles", "--iam", "--owner", OWNER)
    stays = MEMBERSHIP_STAYS.format(WORKER, OWNER, SUPERUSER)
    with superuser_of(managed.server) as superuser:
        superuser.execute(f"GRANT {OWNER} TO {WORKER} WITH SET TRUE".encode())
        assert stays in managed.run(ADMIN, *command)
        superuser.execute(f"ALTER ROLE {ADMIN} SUPERUSER".encode())
        try:
            assert stays not in managed.run(ADMIN, *command)
        finally:
            superuser.execute(f"ALTER ROLE {ADMIN} NOSUPERUSER".encode())
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        managed.values(WORKER, f"SET ROLE {OWNER}")


def test_an_audit_by_a_worker_without_its_policy_is_refused(managed: ManagedServer) -> None:
    managed.run(OWNER, "prepare", LEDGER_ROW_SECURITY="True")
    try:
        with psycopg.connect(managed.url(OWNER), autocommit=True) as owner:
            owner.execute("DROP POLICY works ON transactions")
        done = managed.manage(WORKER, "audit_ledger", LEDGER_ROW_SECURITY="True")
    finally:
        managed.run(OWNER, "prepare", LEDGER_ROW_SECURITY="False")
    assert_one_sentence(done, "row-level security", "owner")


def test_an_audit_that_policies_blind_is_refused(managed: ManagedServer) -> None:
    managed.run(OWNER, "prepare", LEDGER_ROW_SECURITY="True")
    try:
        done = managed.manage(AUDITOR, "audit_ledger", LEDGER_ROW_SECURITY="True")
    finally:
        managed.run(OWNER, "prepare", LEDGER_ROW_SECURITY="False")
    assert_one_sentence(done, "row-level security", "owner")


def test_without_iam_on_the_server_nothing_is_changed(bare: ManagedServer) -> None:
    other = {"LEDGER_ROLE_PREFIX": "other"}
    with psycopg.connect(bare.url(ADMIN).replace(NAME, "postgres"), autocommit=True) as admin:
        admin.execute("ALTER ROLE rds_iam RENAME TO not_iam")
        done = bare.manage(ADMIN, "create_roles", "--iam", "--owner", "other", **other)
        admin.execute("ALTER ROLE not_iam RENAME TO rds_iam")
        found = admin.execute("SELECT 1 FROM pg_roles WHERE rolname LIKE 'other%'").fetchall()
    assert_one_sentence(done, "rds_iam")
    assert found == []


def test_a_login_that_may_make_no_roles_is_told_so(managed: ManagedServer) -> None:
    done = managed.manage(WEB, "create_roles", LEDGER_ROLE_PREFIX="another")
    assert_one_sentence(done, "administrator")


def test_the_embedded_server_needs_none_of_it(bare: ManagedServer) -> None:
    done = bare.manage(ADMIN, "create_roles", DATABASE_URL="")
    assert_one_sentence(done, "embedded")


def test_the_worker_of_an_older_bank_leaves_the_owner(managed: ManagedServer) -> None:
    """Triggers asked for the membership before."""
    member = f"SELECT pg_has_role('{WORKER}', '{OWNER}', 'MEMBER')"
    with superuser_of(managed.server) as superuser:
        superuser.execute(
            f"GRANT {OWNER} TO {WORKER} WITH INHERIT FALSE, SET FALSE GRANTED BY {ADMIN}".encode()
        )
    assert managed.values(OWNER, member) == ["True"]

    managed.run(ADMIN, "create_roles", "--iam", "--owner", OWNER)

    assert managed.values(OWNER, member) == ["False"]
