"""Slow statements on the page Database, from a real `pg_stat_statements`."""

from collections.abc import Iterator
from importlib import import_module

import pytest
from django.test import Client

from ledger.monitoring.health import queries
from ledger.monitoring.health.page import Health, health_of
from ledger.monitoring.health.statements import LOADED, NOT_HERE, NOT_MADE
from tests.console import read as read_docs
from tests.ledger.debian import NEEDS_PG_STAT_STATEMENTS, DebianServer
from tests.ledger.monitoring.health.asking import opened
from tests.ledger.processes import reachable_folder
from tests.pages import lacks, text_of, texts_of
from tests.pooler import beside, connected, major_version, server

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "Mara Lindt"
FUNCTION: str = import_module("ledger.db.migrations.0002_tables").SESSION_STATES
# The columns of version 1.12, of Postgres 18, that no other version has are in it, too.
AS_IN_18 = f"""
CREATE SCHEMA "as in 18";
CREATE VIEW "as in 18".pg_stat_statements AS SELECT
  (SELECT oid FROM pg_roles WHERE rolname = 'ledger_web') AS userid, pg_database.oid AS dbid,
  true AS toplevel, 7::bigint AS queryid,
  'SELECT * FROM users WHERE name = ''{SECRET}'' ' || repeat('AND id = $1 ', 200) AS query,
  4::bigint AS plans, 1.0::float AS total_plan_time, 1200::bigint AS calls, 2400.0::float
  AS total_exec_time, 2.0::float AS mean_exec_time, 3600::bigint AS rows, 3::bigint
  AS shared_blks_hit, 1::bigint AS shared_blks_read, 0.0::float AS shared_blk_read_time,
  0::bigint AS wal_buffers_full, 0::bigint AS parallel_workers_launched, now() AS stats_since
FROM pg_database WHERE datname = current_database();
CREATE VIEW "as in 18".pg_stat_statements_info AS
SELECT 3::bigint AS dealloc, now() - interval '2 hours' AS stats_reset;
GRANT USAGE ON SCHEMA "as in 18" TO ledger_web;
GRANT SELECT ON ALL TABLES IN SCHEMA "as in 18" TO ledger_web;
"""


@pytest.fixture(scope="module")
def debian() -> Iterator[DebianServer]:
    """With the roles of a bank, and the function that its migrations make."""
    with reachable_folder() as folder:
        found = DebianServer(folder, shared_preload_libraries="pg_stat_statements")
        found.start()
        try:
            found.execute("CREATE ROLE ledger LOGIN SUPERUSER", "CREATE ROLE ledger_web LOGIN")
            found.execute(FUNCTION, "CREATE TABLE django_migrations ()", user="ledger")
            found.execute("ALTER ROLE ledger NOSUPERUSER")
            found.execute("GRANT EXECUTE ON FUNCTION session_states() TO ledger_web")
            yield found
        finally:
            found.stop()


@pytest.fixture
def counting(debian: DebianServer) -> Iterator[DebianServer]:
    debian.execute("CREATE EXTENSION pg_stat_statements", "SELECT pg_stat_statements_reset()")
    yield debian
    debian.execute("DROP EXTENSION pg_stat_statements")


def read(debian: DebianServer, sort: str = "total") -> Health:
    """What the page shows of this server, read as the web role."""
    there = {
        **server(), "HOST": str(debian.folder), "PORT": "", "NAME": "postgres",
        "USER": "ledger_web", "LEDGER_EMBEDDED": False,
    }  # fmt: skip
    with connected(there):
        return health_of("default", sort=sort, by="dead")


@NEEDS_PG_STAT_STATEMENTS
def test_a_slow_statement_is_told_with_its_figures(counting: DebianServer) -> None:
    for _ in range(3):
        counting.execute(f"SELECT pg_sleep(0.05), '{SECRET}', 48210937", user="ledger_web")
    found = read(counting, "mean").statements
    assert found.rows[0].text == "SELECT pg_sleep($1), $2, $3"
    assert (found.rows[0].calls, found.rows[0].rows, found.rows[0].role) == (3, 3, "ledger_web")
    assert 50 <= float(found.rows[0].mean.removesuffix(" ms")) < 5000
    assert found.counted.startswith("Counted for")


@NEEDS_PG_STAT_STATEMENTS
def test_each_order_puts_another_statement_first(counting: DebianServer) -> None:
    counting.execute("SELECT pg_sleep(0.2)", user="ledger_web")
    counting.execute(*["SELECT 1"] * 200, user="ledger_web")
    counting.execute("SELECT generate_series(1, 3000)", user="ledger_web")
    first = {order: read(counting, order).statements.rows[0].text for order in queries.ORDERS}
    assert first["mean"] == first["total"] == "SELECT pg_sleep($1)"
    assert first["calls"] == "SELECT $1"
    assert first["rows"] == "SELECT generate_series($1, $2)"


@NEEDS_PG_STAT_STATEMENTS
def test_statements_of_other_roles_are_counted_without_their_text(counting: DebianServer) -> None:
    counting.execute(f"SELECT length('{SECRET}')", f"ALTER ROLE ledger PASSWORD '{SECRET}'")
    found = read(counting).statements
    assert [line.partition(":")[0] for line in found.others] == ["postgres"]
    assert not [each for each in found.rows if "length" in each.text or "ALTER" in each.text]


@NEEDS_PG_STAT_STATEMENTS
def test_values_in_a_setting_are_not_shown(counting: DebianServer) -> None:
    counting.execute(f"SET application_name = '{SECRET}'", user="ledger_web")
    texts = [each.text for each in read(counting).statements.rows]
    assert "SET …" in texts
    assert SECRET not in str(texts)


@pytest.fixture
def bare() -> Iterator[DebianServer]:
    """As Debian installs it, with the web role alone."""
    with reachable_folder() as folder:
        found = DebianServer(folder)
        found.start()
        try:
            found.execute("CREATE ROLE ledger_web LOGIN", "CREATE SCHEMA extensions")
            found.execute("GRANT USAGE ON SCHEMA extensions TO ledger_web")
            yield found
        finally:
            found.stop()


@NEEDS_PG_STAT_STATEMENTS
def test_the_commands_that_are_told_switch_it_on(bare: DebianServer) -> None:
    """With a restart after the first one, as the page and the docs say."""
    found = read(bare).statements
    assert not found.rows
    first, *others = found.commands
    assert f"```sql\n{first}\n{chr(10).join(others)}\n```" in read_docs("docs/monitoring.md")
    bare.execute(first)
    bare.stop()
    bare.start()
    bare.execute(*others)
    bare.execute(f"SET application_name = '{SECRET}'", "SELECT 1", user="ledger_web")
    texts = [each.text for each in read(bare).statements.rows]
    assert "SELECT $1" in texts
    assert "SET …" not in texts


@NEEDS_PG_STAT_STATEMENTS
def test_a_library_that_is_not_loaded_is_told(bare: DebianServer) -> None:
    bare.execute("CREATE EXTENSION pg_stat_statements SCHEMA extensions")
    found = read(bare)
    assert found.statements.commands[1:] == LOADED
    assert "has not loaded it" in found.statements.sentence
    assert found.locks.sessions.refused == "42883", "nor is there a function of ours"
    assert "migrate" in found.locks.sessions.sentence


@NEEDS_PG_STAT_STATEMENTS
def test_a_role_without_the_right_is_told_so(counting: DebianServer) -> None:
    counting.execute("REVOKE ALL ON pg_stat_statements FROM PUBLIC")
    found = read(counting).statements
    assert "may not read" in found.sentence
    counting.execute(*found.commands)
    assert read(counting).statements.rows


@NEEDS_PG_STAT_STATEMENTS
def test_sessions_of_others_are_hidden_until_the_owner_may_see_them(debian: DebianServer) -> None:
    with debian.session() as other, other.transaction():
        other.execute(f"SELECT '{SECRET}'".encode())
        pid = other.info.backend_pid
        before = read(debian).locks
        debian.execute("GRANT pg_read_all_stats TO ledger")
        after = read(debian).locks
        debian.execute("REVOKE pg_read_all_stats FROM ledger")
    assert (before.hidden, [each.pid for each in before.open]) == (1, [])
    assert (after.hidden, [each.pid for each in after.open]) == (0, [pid])
    assert SECRET not in str(after)


@NEEDS_PG_STAT_STATEMENTS
def test_what_an_open_session_runs_is_told_by_its_normalised_text(counting: DebianServer) -> None:
    with counting.session("ledger_web") as other:
        with other.transaction():
            other.execute(f"SELECT upper('{SECRET}')".encode())  # counted once it has ended
        with other.transaction():
            other.execute(f"SELECT upper('{SECRET}')".encode())
            counting.execute("GRANT pg_read_all_stats TO ledger")
            found = read(counting)
            counting.execute("REVOKE pg_read_all_stats FROM ledger")
    assert list(found.texts.values()) == ["SELECT upper($1)"]


# On the server of the tests


def test_a_bank_has_none_until_a_superuser_makes_it(root: Client) -> None:
    assert NOT_MADE.split(".", maxsplit=1)[0] in text_of(opened(root))


def test_a_server_that_cannot_have_it_says_so(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "EXTENSION", "SELECT NULL, NULL, NULL")
    assert NOT_HERE.split(",", maxsplit=1)[0] in text_of(opened(root))


@pytest.fixture
def as_in_18(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with beside() as owner:
        owner.execute(AS_IN_18.encode())
        monkeypatch.setattr(queries, "EXTENSION", "SELECT '1.12', '1.12', 'as in 18'")
        yield
        owner.execute('DROP SCHEMA "as in 18" CASCADE')


@pytest.mark.usefixtures("as_in_18")
def test_a_long_statement_folds_and_shows_no_value_that_the_server_left_in(root: Client) -> None:
    answer = opened(root, sort="mean")
    text = text_of(answer)
    assert SECRET not in answer.content.decode()
    assert lacks(text, "1,200", "2.0 ms", "100 %", "3,600", "75 %", "3 times") == []
    (folded,) = texts_of(answer, "health__sql")
    assert len(folded) > 2000
    assert "name = ?" in folded


def test_every_supported_version_has_what_is_asked(root: Client) -> None:
    part = opened(root).context["health"]
    assert [each.sql for each in part.work if each.refused] == []
    assert part.server.version.startswith(str(major_version()))
