"""What `check --deploy` says of the role of `manage.py work`. Each change is rolled back."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from ledger.checks.database import CHECKS
from ledger.checks.worker_role import auditor_role, worker_role
from ledger.db.rights.registered_tables import WORKER_FUNCTIONS
from ledger.db.server.versions import HAS_MAINTAIN, MEMBERSHIPS_HAVE_INHERIT
from ledger.embedded import roles
from tests.pooler import beside, server

pytestmark = pytest.mark.django_db(transaction=True)
Found = psycopg.Connection[Any]


@pytest.fixture
def found() -> Iterator[Found]:
    """As a superuser, within a transaction."""
    if not server().get("LEDGER_EMBEDDED"):
        pytest.skip("only the embedded server lets tests in as its superuser")
    with beside(user=roles.SUPERUSER) as connection, connection.transaction(force_rollback=True):
        yield connection


def told(found: Found) -> str:
    messages = list(worker_role(found))
    assert all(message.id == "ledger.worker_role" and message.hint for message in messages)
    return " ".join(message.msg for message in messages)


def test_the_role_of_the_docs_is_fine(found: Found) -> None:
    assert worker_role in CHECKS
    assert told(found) == ""


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("ALTER ROLE ledger_worker SUPERUSER", "is a superuser"),
        (
            "ALTER ROLE ledger_worker CREATEROLE REPLICATION",
            "can create roles and can copy the whole",
        ),
        ("ALTER ROLE ledger_worker BYPASSRLS", "bypasses row-level security"),
        ("ALTER TABLE transactions OWNER TO ledger_worker", "owns the tables"),
    ],
)
def test_a_role_with_other_powers_is_named(found: Found, statement: str, said: str) -> None:
    found.execute(statement.encode())
    assert said in told(found)


@pytest.mark.parametrize(
    ("granted", "options", "said"),
    [
        ("ledger", "INHERIT TRUE, SET TRUE", "act as ledger, which owns the tables"),
        ("ledger", "INHERIT FALSE, SET TRUE", "act as ledger, which owns the tables"),
        ("ledger", "INHERIT TRUE, SET FALSE", "act as ledger, which owns the tables"),
        ("ledger", "INHERIT FALSE, SET FALSE, ADMIN TRUE", "act as ledger, which owns the tables"),
        ("pg_write_all_data", "INHERIT FALSE, SET TRUE", "act as pg_write_all_data"),
        ("ledger", "INHERIT FALSE, SET FALSE", "is a member of the owner"),
        ("ledger_web", "INHERIT FALSE, SET FALSE", ""),
    ],
)
def test_a_membership_that_gives_rights_is_named(
    found: Found, granted: str, options: str, said: str
) -> None:
    if found.info.server_version < MEMBERSHIPS_HAVE_INHERIT:
        pytest.skip("memberships have no such options before Postgres 16")
    found.execute(f"GRANT {granted} TO ledger_worker WITH {options}".encode())
    assert (said in told(found)) if said else told(found) == ""


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("GRANT DELETE ON transactions TO ledger_worker", "DELETE on transactions"),
        ("GRANT DELETE ON transactions TO PUBLIC", "DELETE on transactions"),
        ("GRANT TRUNCATE, TRIGGER ON seals TO ledger_worker", "TRIGGER on seals, TRUNCATE on"),
        (
            "GRANT UPDATE (balance, held) ON accounts TO ledger_worker",
            "UPDATE (balance, held) on accounts",
        ),
        ("GRANT UPDATE ON users TO ledger_worker", "UPDATE on users"),
        ("GRANT SELECT (password) ON users TO ledger_worker", "SELECT (password) on users"),
        ("GRANT SELECT ON sessions TO ledger_worker", "SELECT on sessions"),
        ("GRANT SELECT ON attempt_counts TO ledger_worker", "SELECT on attempt_counts"),
        (
            "CREATE TABLE strange (id int); GRANT SELECT ON strange TO ledger_worker",
            "SELECT on strange",
        ),
        (
            "CREATE SCHEMA s; CREATE TABLE s.t (a int); GRANT SELECT (a) ON s.t TO ledger_worker",
            "SELECT (a) on s.t",
        ),
        (
            "CREATE FUNCTION anything() RETURNS int SECURITY DEFINER RETURN 1",
            "EXECUTE of anything()",
        ),
    ],
)
def test_a_right_that_no_app_registers_is_named(found: Found, statement: str, said: str) -> None:
    found.execute(statement.encode())
    assert f"no app registers: {said}" in told(found)


def test_the_right_to_maintain_a_table_is_named(found: Found) -> None:
    if found.info.server_version < HAS_MAINTAIN:
        pytest.skip("there is no such right before Postgres 17")
    found.execute("GRANT MAINTAIN ON entries TO ledger_worker")
    assert "MAINTAIN on entries" in told(found)


def test_a_function_that_is_no_longer_registered_is_named(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [each for each in WORKER_FUNCTIONS if not each.startswith("lift_triggers")]
    monkeypatch.setattr("ledger.checks.worker_role.WORKER_FUNCTIONS", left)
    assert told(found).endswith("registers: EXECUTE of lift_triggers(text).")


def test_of_many_rights_the_first_are_named(found: Found) -> None:
    found.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO ledger_worker")
    assert " more." in told(found)


def test_the_hint_for_a_member_of_the_owner_is_the_statement_that_ends_it(found: Found) -> None:
    found.execute("GRANT ledger TO ledger_worker")
    (message,) = worker_role(found)
    assert "REVOKE ledger FROM ledger_worker" in str(message.hint)


def test_who_may_become_the_worker_is_named(found: Found) -> None:
    found.execute("GRANT ledger_worker TO ledger_web")
    assert "ledger_web" in told(found)


def test_an_auditor_with_other_powers_is_named(found: Found, settings: Any) -> None:
    assert auditor_role in CHECKS
    settings.LEDGER_AUDITOR_ROLE = "another_auditor"
    found.execute("CREATE ROLE another_auditor")
    assert list(auditor_role(found)) == []
    found.execute("GRANT ledger TO another_auditor")
    (message,) = auditor_role(found)
    assert message.id == "ledger.auditor_role"
    assert "ledger, which owns the tables" in message.msg


def test_nothing_is_said_of_a_role_that_is_missing(found: Found, settings: Any) -> None:
    settings.LEDGER_WORKER_ROLE = "nobody_here"
    assert told(found) == ""


def test_the_login_of_a_worker_is_looked_at_itself(found: Found, settings: Any) -> None:
    settings.LEDGER_ROLE = "worker"
    assert f"{roles.SUPERUSER} of manage.py work is a superuser" in told(found)
