"""Queries that try to do more in the explorer than read the views. All queries are really executed,
in a session of the explorer's role: see Note [The wall] in `explorer.running.session`.
"""

import time
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from explorer.running.run import NO_ROWS, TOO_MUCH, QueryRequest, run
from explorer.running.session import NotSetUp, read_only_session
from explorer.schema.views import VIEWS
from tests.attacks.explorer.roles import leading_to
from tests.explorer.books import Books, query, rows
from tests.pooler import NEEDS_PGBOUNCER, beside, pgbouncer, server

pytestmark = pytest.mark.django_db
DENIED = "42501"
SYNTAX = "42601"
# Postgres refuses these in place of a subquery, before any part of them runs.
NO_QUERIES = [
    "INSERT INTO accounts (name) VALUES ('mine')",
    "UPDATE accounts SET balance = 1000000",
    "DELETE FROM entries",
    "TRUNCATE public.transactions",
    "MERGE INTO public.accounts AS a USING public.users AS u ON true WHEN MATCHED THEN DELETE",
    "COPY accounts TO STDOUT",
    "COPY public.users TO PROGRAM 'cat'",
    "COPY public.users FROM '/etc/passwd'",
    "SET ROLE ledger",
    "RESET ROLE",
    "SET SESSION AUTHORIZATION ledger",
    "SET statement_timeout = 0",
    "SET TRANSACTION READ WRITE",
    "DO $$ BEGIN PERFORM 1; END $$",
    "CALL anything()",
    "NOTIFY somebody",
    "LISTEN somebody",
    "LOCK TABLE entries",
    "CREATE TABLE mine ()",
    "CREATE TEMPORARY TABLE mine ()",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE EXTENSION dblink",
    "CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw",
    "DROP VIEW entries",
    "GRANT ledger TO CURRENT_USER",
    "ALTER ROLE CURRENT_USER SET statement_timeout = 0",
    "ALTER ROLE CURRENT_USER PASSWORD 'mine'",
    "ALTER VIEW entries RESET (security_barrier)",
    "COMMENT ON SCHEMA explorer IS ''",
    "DECLARE mine CURSOR WITH HOLD FOR SELECT 1",
    "PREPARE mine AS SELECT 1",
    "DEALLOCATE ALL",
    "VACUUM",
    "ANALYZE",
    "CHECKPOINT",
    "COMMIT",
    "ROLLBACK",
    "DISCARD ALL",
]
# Statements that return rows but are no subquery, and statements inside other statements.
BROKEN_OUT = [
    ("INSERT INTO accounts (name) VALUES ('mine') RETURNING id", None),
    ("DELETE FROM public.accounts RETURNING id", SYNTAX),
    ("WITH gone AS (DELETE FROM public.accounts RETURNING id) SELECT * FROM gone", "0A000"),
    ("SELECT * INTO mine FROM accounts", None),
    ("SHOW data_directory", None),
    ("EXPLAIN ANALYZE DELETE FROM public.accounts", SYNTAX),
    ("EXECUTE mine", None),
    ("FETCH ALL FROM mine", None),
    ("SELECT 1; DELETE FROM public.accounts", SYNTAX),
    ("SELECT 1; SET ROLE ledger; SELECT 2", SYNTAX),
    ("SELECT 1 /* nothing */; DROP VIEW entries; --", SYNTAX),
    ("SELECT 1 -- all of it\n; DROP VIEW entries", SYNTAX),
    ("SELECT '/*'; DELETE FROM accounts; SELECT '*/'", SYNTAX),
    ("SELECT 1) AS explored(c1); DELETE FROM public.accounts; --", SYNTAX),
    ("SELECT 1) AS explored(c1), LATERAL (SELECT 2", SYNTAX),
    ("SELECT $$ ) AS explored(c1); DROP VIEW entries; -- $$; SELECT 1", SYNTAX),
]
# Texts between two halves of a query that a parameter marker joins.
JOINED = [
    "",
    'UNION ALL SELECT $a$["outside","b"]$a$',
    "UNION ALL SELECT $a$no JSON$a$",
    "UNION ALL SELECT NULL",
]
# Settings that would undo a limit or the protection of the role, or write into the server's log.
OPENING = {
    "track_activities": "on",
    "temp_file_limit": "-1",
    "track_counts": "on",
    "track_functions": "all",
    "log_min_messages": "debug1",
    "log_statement": "all",
    "log_min_duration_statement": "0",
}
# Queries that are one SELECT, and use objects for which the role has no right.
BEYOND_ITS_RIGHTS = [
    "SELECT * FROM public.users",
    "SELECT password FROM public.users",
    "SELECT * FROM public.transactions",
    "SELECT * FROM public.entries",
    "SELECT * FROM public.sessions",
    "SELECT * FROM public.mfa_authenticator",
    "SELECT * FROM public.fact_keys",
    "SELECT * FROM public.explorer_runs",
    "SELECT * FROM explorer_rules.keys",
    "SELECT explorer_rules.person()",
    "SELECT explorer_rules.claims()",
    "SELECT public.session_states()",
    "SELECT public.told_facts()",
    "SELECT * FROM practice.reminders",
    "SELECT practice.session_states()",
    "SELECT practice.told_facts()",
    "SELECT rolpassword FROM pg_authid",
    "SELECT passwd FROM pg_shadow",
    "SELECT * FROM pg_statistic",
    "SELECT * FROM pg_hba_file_rules",
    "SELECT * FROM pg_file_settings",
    "SELECT * FROM pg_largeobject",
    "SELECT set_config('role', 'ledger', true)",
    "SELECT set_config('role', 'ledger_web', false)",
    "SELECT set_config('session_authorization', 'ledger', false)",
    *(f"SELECT set_config('{name}', '{value}', false)" for name, value in OPENING.items()),
    "SELECT set_config('session_replication_role', 'replica', false)",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_read_binary_file('/etc/passwd')",
    "SELECT pg_ls_dir('.')",
    "SELECT pg_ls_logdir()",
    "SELECT pg_stat_file('.')",
    "SELECT pg_reload_conf()",
    "SELECT pg_rotate_logfile()",
    "SELECT pg_switch_wal()",
    "SELECT pg_create_restore_point('mine')",
    "SELECT pg_backup_start('mine')",
    "SELECT pg_promote()",
    "SELECT pg_stat_reset()",
    "SELECT pg_create_physical_replication_slot('mine')",
    "SELECT nextval('public.django_migrations_id_seq')",
    "SELECT setval('public.django_migrations_id_seq', 1)",
    "SELECT ts_stat('SELECT search FROM public.transactions')",
    "SELECT extensions.similarity('a', 'b')",
    "SELECT extensions.show_trgm('a')",
    "SELECT extensions.set_limit(1)",
    "SELECT 'a' OPERATOR(extensions.%) 'b'",
    "SELECT extensions.unaccent('a')",
    "SELECT extensions.unaccent('extensions.unaccent', 'a')",
    "SELECT ts_lexize('extensions.unaccent', 'a')",
    "SELECT extensions.int4_dist(1, 2)",
    "SELECT NULL::extensions.gtrgm",
]
# Refused without a missing right: functions with these names are in no schema of the search path.
OTHERWISE_REFUSED = {
    "SELECT session_states()": "42883",
    "SELECT similarity('a', 'b')": "42883",
}
# All roles may execute these functions, if they may use the schema.
OF_EXTENSIONS = """
SELECT pg_proc.oid::regprocedure::text, has_schema_privilege(%s, pronamespace, 'USAGE')
FROM pg_proc JOIN pg_depend ON classid = 'pg_proc'::regclass AND objid = pg_proc.oid
WHERE deptype = 'e'
  AND refobjid <> (SELECT oid FROM pg_extension WHERE extname = 'plpgsql')
"""
# Views of statistics that every session may read. They show only columns that the session may read.
OPEN_STATISTICS = {"pg_stats", "pg_stats_ext", "pg_stats_ext_exprs"}
VIEWS_OF_STATISTICS = """
SELECT relname FROM pg_class
WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'v' AND relname ~ '^pg_stat'
"""
POSITIONS = """
SELECT proname, has_function_privilege(%s, oid, 'EXECUTE') FROM pg_proc
WHERE pronamespace = 'pg_catalog'::regnamespace AND pronargs = 0
  AND 'pg_lsn'::regtype = ANY (proallargtypes || prorettype)
"""
# The outcome of other sessions' transactions, and the transactions that shared the lock of a row.
OF_OTHER_TRANSACTIONS = """
SELECT proname, has_function_privilege(%s, oid, 'EXECUTE') FROM pg_proc
WHERE pronamespace = 'pg_catalog'::regnamespace
  AND proname ~ 'xact_status|txid_status|xact_members|committed_xact|commit_timestamp'
"""
# Each number belongs to a transaction that wrote, so the next number counts these transactions.
OF_NEXT_TRANSACTION = """
SELECT proname, has_function_privilege(%s, oid, 'EXECUTE') FROM pg_proc
WHERE pronamespace = 'pg_catalog'::regnamespace AND provolatile <> 'i'
  AND proname !~ '^pg_logical_slot_'  -- for roles with REPLICATION
  AND (ARRAY['xid', 'xid8', 'pg_snapshot', 'txid_snapshot']::regtype[]::oid[]
       && (coalesce(proallargtypes, proargtypes::oid[]) || prorettype) OR proname ~ '^txid_')
"""
SIZES = """
SELECT proname, has_function_privilege(%s, oid, 'EXECUTE') FROM pg_proc
WHERE pronamespace = 'pg_catalog'::regnamespace AND provolatile = 'v' AND proname ~ '_size$'
"""
LARGE_OBJECTS = [
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(1, '/tmp/mine')",
    "SELECT lo_create(0)",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT lo_put(1, 0, 'x')",
    "SELECT pg_logical_emit_message(false, 'mine', 'x')",
]
LEFT_BEHIND = """
SELECT pg_backend_pid(), current_setting('search_path'),
       (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())"""
# Queries that take too long, or whose result is larger than a page.
ENDLESS = [
    "SELECT pg_sleep(60)",
    "SELECT 1 FROM pg_sleep_for('1 minute')",
    "WITH RECURSIVE n AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM n) SELECT count(n) FROM n",
    "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b",
    "SELECT set_config('statement_timeout', '0', false), pg_sleep(60)",
    "SELECT pg_sleep(60) FROM set_config('statement_timeout', '0', true)",
    "SELECT 'a' ~ repeat('(a*)*', 20) FROM generate_series(1, 100000000)",
]


@pytest.mark.parametrize("sql", NO_QUERIES)
def test_what_is_no_query_is_not_run(sql: str, books: Books) -> None:
    result = query(books.bank, sql)
    assert result.problem is not None
    assert result.problem.state or result.problem.sentence == NO_ROWS
    assert not result.read_rows


@pytest.mark.parametrize(("sql", "state"), BROKEN_OUT)
def test_no_text_leaves_the_subquery(sql: str, state: str | None, books: Books) -> None:
    result = query(books.bank, sql)
    problem = result.problem
    assert problem is not None
    assert problem.state == state if state else problem.state or problem.sentence == NO_ROWS
    assert not result.read_rows


@pytest.mark.parametrize("outside", JOINED)
def test_no_parameter_joins_what_stands_around_it(outside: str, books: Books) -> None:
    """Tests a $1 directly behind a word. Such a $1 belongs to the word, but the value that replaces
    the $1 does not. The text behind the value must not begin a quotation then.
    """
    sql = (
        'WITH t AS (SELECT 1 AS "on$1$zz$", :x::text AS d) SELECT DISTINCT ON%(x)s$zz$, '
        f"'$zz$, 2 FROM t) AS explored(c1,c2) {outside} FROM (SELECT 1, ' AS w FROM t -- '"
    )
    result = query(books.bank, sql, x="q")
    assert result.problem is not None
    assert result.problem.state == SYNTAX
    assert not result.read_rows


def test_a_subquery_that_locks_rows_is_refused(books: Books) -> None:
    """Postgres parses this subquery, but the role has no right to lock rows."""
    problem = query(books.bank, "SELECT * FROM entries FOR UPDATE").problem
    assert problem is not None
    assert problem.state == DENIED


@pytest.mark.parametrize("sql", [*BEYOND_ITS_RIGHTS, *OTHERWISE_REFUSED])
def test_the_role_may_read_its_views_alone(sql: str, books: Books) -> None:
    result = query(books.names, sql)
    assert result.problem is not None
    assert result.problem.state == OTHERWISE_REFUSED.get(sql, DENIED)
    assert result.rows == []


def test_no_function_of_an_extension_can_be_named(books: Books) -> None:
    """The check includes extensions that are installed later, and functions that a superuser adds
    to extensions.
    """
    with connection.cursor() as cursor:
        cursor.execute(OF_EXTENSIONS, [settings.LEDGER_EXPLORER_ROLE])
        found = dict(cursor.fetchall())
    assert len(found) > 100
    assert [name for name, may in found.items() if may] == []


@pytest.mark.parametrize("sql", LARGE_OBJECTS)
def test_no_query_fills_the_disk(sql: str, books: Books) -> None:
    if not server().get("LEDGER_EMBEDDED"):
        pytest.skip("only a superuser takes these functions from everybody")
    problem = query(books.bank, sql).problem
    assert problem is not None
    assert problem.state == DENIED
    with beside(user=settings.LEDGER_EXPLORER_ROLE) as session:  # this role may write
        with pytest.raises(psycopg.Error) as refused:
            session.execute(sql.encode())
        assert refused.value.sqlstate == DENIED


# Each would take one lock for each number or object: see Note [Shared locks].
MANY_LOCKS = [
    "SELECT count(pg_try_advisory_lock(n)) FROM generate_series(1, 9) AS n",
    "SELECT count(pg_advisory_xact_lock_shared(n, n)) FROM generate_series(1, 9) AS n",
    "SELECT pg_get_object_address('type', ARRAY['pg_catalog.int4'], '{}')",
]


# The number of the advisory lock is calculated from the id of the paying person.
LOCKS_OF_OTHERS = [
    "SELECT objid FROM pg_locks WHERE locktype = 'advisory'",
    "SELECT objid FROM pg_lock_status()",
    "SELECT pg_blocking_pids(1)",
    "SELECT pg_safe_snapshot_blocking_pids(1)",
    "SELECT pg_isolation_test_session_is_blocked(1, '{2}')",
]


# Each locks a relation until the end of the query without a right to it, or runs SQL or XPath
# inside a text.
OF_RELATIONS_AND_TEXTS = [
    "SELECT pg_sequence_last_value('public.django_migrations_id_seq')",
    "SELECT last_value FROM pg_sequences",
    "SELECT pg_get_viewdef('explorer.entries'::regclass)",
    "SELECT pg_get_ruledef(oid) FROM pg_rewrite",
    "SELECT table_to_xmlschema('public.users', true, true, '')",
    "SELECT query_to_xml('DELETE FROM public.users RETURNING 1', true, false, '')",
    "SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, ''b''::tsquery')",
    "SELECT database_to_xmlschema(true, true, '')",
    "SELECT xpath('//a', x) FROM (SELECT NULL::xml AS x OFFSET 0) AS a",
    "SELECT xpath_exists('//a', x) FROM (SELECT NULL::xml AS x OFFSET 0) AS a",
    "SELECT xmlexists('//a' PASSING x) FROM (SELECT NULL::xml AS x OFFSET 0) AS a",
]


@pytest.mark.parametrize("sql", [*MANY_LOCKS, *LOCKS_OF_OTHERS, *OF_RELATIONS_AND_TEXTS])
def test_no_query_calls_what_only_a_superuser_takes_from_everybody(sql: str, books: Books) -> None:
    if not server().get("LEDGER_EMBEDDED"):
        pytest.skip("only a superuser takes these functions from everybody")
    problem = query(books.bank, sql).problem
    assert problem is not None
    assert problem.state == DENIED


@pytest.mark.parametrize(
    "sql",
    [
        "WITH x AS (SELECT * FROM public.sessions FOR UPDATE) SELECT 1",
        "SELECT CASE WHEN true THEN 1 ELSE (SELECT count(*) FROM public.seals) END",
        "SELECT 1 WHERE false AND EXISTS (SELECT FROM public.django_migrations_id_seq)",
        "SELECT 1 FROM accounts WHERE false AND EXISTS (SELECT FROM public.entries)",
    ],
)
def test_no_query_keeps_the_lock_of_a_table_that_it_may_not_read(sql: str, books: Books) -> None:
    """Postgres checks no right for a table that the planner removes, but has already locked the
    table.
    """
    result = query(books.names, sql)
    assert result.problem is not None
    assert result.problem.state == DENIED
    assert not result.read_rows


def test_a_slow_constant_keeps_no_lock_of_a_table_without_a_right(books: Books) -> None:
    """Postgres locks tables before it evaluates constants."""
    slow = """'$ ? (@ like_regex "(x*y*z*){0,250}")'::jsonpath"""
    result = query(books.bank, f"WITH x AS (SELECT FROM public.sessions) SELECT {slow}", seconds=20)
    assert result.problem is not None
    assert result.problem.state == "57014"  # not the table's lock: it was stopped before
    assert not result.read_rows


def test_every_view_can_be_read_beside_the_others(books: Books) -> None:
    names = ", ".join(f"(SELECT count(*) FROM {view.name})" for view in VIEWS)
    assert query(books.names, f"SELECT {names}").was_run


def test_queries_only_give_advisory_locks_back(books: Books) -> None:
    if not server().get("LEDGER_EMBEDDED"):
        pytest.skip("only a superuser takes these functions from everybody")
    sql = (
        "SELECT DISTINCT proname FROM pg_proc WHERE proname ~ 'advisory'"
        " AND has_function_privilege(oid, 'EXECUTE')"
    )
    assert {name for (name,) in rows(books.bank, sql)} == {
        "pg_advisory_unlock", "pg_advisory_unlock_shared", "pg_advisory_unlock_all",
    }  # fmt: skip


# Without the subquery, as if an attacker had found a way out of it.
RAW = [
    *(
        sql
        for sql in NO_QUERIES
        if sql.startswith(("INSERT", "UPDATE", "DELETE", "TRUNC", "MERGE"))
    ),
    "COPY public.users TO STDOUT",
    "COPY public.users TO PROGRAM 'cat'",
    "COPY public.users FROM '/etc/passwd'",
    "SET ROLE ledger",
    "SET ROLE ledger_web",
    "SET ROLE ledger_cookbook",
    "SET SESSION AUTHORIZATION ledger",
    "SET session_replication_role = replica",
    "SET temp_file_limit = -1",
    "CREATE TABLE mine ()",
    "CREATE SCHEMA mine",
    "CREATE TABLE explorer.mine ()",
    "CREATE TEMPORARY TABLE mine ()",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE EXTENSION dblink",
    "CREATE EXTENSION hstore SCHEMA explorer",
    "ALTER EXTENSION pg_trgm SET SCHEMA explorer",
    "DROP EXTENSION pg_trgm",
    "CREATE ROLE mine",
    "DROP VIEW explorer.entries",
    "ALTER VIEW explorer.entries RESET (security_barrier)",
    "GRANT ledger TO ledger_explorer",
    "GRANT SELECT ON public.users TO ledger_explorer",
    "CREATE PUBLICATION mine",
    "CHECKPOINT",
    "DO $$ BEGIN PERFORM password FROM public.users; END $$",
    "DO $$ BEGIN EXECUTE 'RESET ROLE'; DELETE FROM public.accounts; END $$",
    "RESET ROLE; SELECT * FROM public.users",
    "RESET SESSION AUTHORIZATION; SELECT * FROM public.users",
    "SET search_path = public; SELECT * FROM users",
    "DECLARE mine CURSOR WITH HOLD FOR SELECT * FROM public.users",
    "PREPARE mine AS SELECT password FROM public.users; EXECUTE mine",
]


@pytest.mark.parametrize("sql", RAW)
def test_the_role_alone_is_a_wall_too(sql: str, books: Books) -> None:
    """A session of the role that may write and accepts several statements is refused in the same
    way.
    """
    with beside(user=settings.LEDGER_EXPLORER_ROLE) as session:
        session.execute("SET search_path = explorer")
        with pytest.raises(psycopg.Error) as refused:
            session.execute(sql.encode())
        assert refused.value.sqlstate in (DENIED, "0A000", "55000", "42809")


@pytest.mark.usefixtures("may_execute")
@pytest.mark.parametrize("sql", ENDLESS)
def test_a_query_that_runs_long_ends_with_a_sentence(sql: str, books: Books) -> None:
    began = time.monotonic()
    problem = query(books.bank, sql, seconds=0.3).problem
    assert time.monotonic() - began < 20
    assert problem is not None
    assert problem.state == "57014"
    assert "longer than 0.3 seconds" in problem.sentence


def test_a_huge_result_is_cut_where_the_page_ends(books: Books) -> None:
    result = query(books.bank, "SELECT n FROM generate_series(1, 1000000) AS n", most=50)
    assert len(result.rows) == 50
    assert result.has_more


def test_temporary_files_have_a_limit(books: Books) -> None:
    if not server().get("LEDGER_EMBEDDED"):
        pytest.skip("only a superuser sets the limit of temporary files on the role")
    sql = "SELECT * FROM generate_series(1, 300000000) ORDER BY 1 DESC"
    problem = query(books.bank, sql, seconds=30).problem
    assert problem is not None
    assert problem.state == "53400"


def test_a_huge_value_is_cut_in_the_database(books: Books) -> None:
    ((value,),) = rows(books.bank, "SELECT repeat('x', 50000000)")
    assert value == f"{'x' * 2000}…"


def test_rows_that_are_too_large_together_are_refused(books: Books) -> None:
    columns = ", ".join(["repeat('x', 2000)"] * 50)
    sql = f"SELECT {columns} FROM generate_series(1, 1000)"
    result = query(books.bank, sql, most=1000)
    assert result.problem is not None
    assert result.problem.sentence == TOO_MUCH.format(16)
    assert result.rows == []


@pytest.mark.usefixtures("may_execute")
def test_nothing_of_a_session_is_there_for_the_next_query(books: Books) -> None:
    """Tests a lock, a setting, a channel, a notification, and the session itself."""
    ((first, _lock, _set, _told),) = rows(
        books.bank,
        "SELECT pg_backend_pid(), pg_advisory_lock(7205759403792797)::text,"
        " set_config('search_path', 'public', false), pg_notify('somebody', 'x')::text",
    )
    ((second, path, locks),) = rows(books.bank, LEFT_BEHIND)
    assert (first != second or settings_of_a_pooler(), path, locks) == (True, "explorer", "0")


@pytest.mark.usefixtures("may_execute")
@NEEDS_PGBOUNCER
def test_nothing_is_left_in_the_session_of_a_pooler_that_does_not_clean_it(books: Books) -> None:
    """Tests a lock, also after an error, and settings. The next query has the same session."""
    left = "SELECT pg_advisory_lock(1)::text, set_config('search_path', 'public', false)"
    with (
        pgbouncer(size=1, further="server_reset_query_always = 0") as pooler,
        leading_to(pooler.settings()),
    ):
        ((first,),) = rows(books.bank, "SELECT pg_backend_pid()")
        for sql in (left, f"SELECT 1 / (length(lock) - length(lock)) FROM ({left}) AS a (lock, b)"):
            query(books.bank, sql)
            ((second, path, locks),) = rows(books.bank, LEFT_BEHIND)
            assert (second, path, locks) == (first, "explorer", "0")


def settings_of_a_pooler() -> bool:
    database: Any = connection
    return bool(database.is_behind_pooler)


def test_no_view_counts_the_work_of_others(books: Books) -> None:
    """The check includes views of later Postgres versions. The queries of the bank's pages show
    which people the bank knows.
    """
    if not server().get("LEDGER_EMBEDDED"):
        pytest.skip("only a superuser takes these functions from everybody")
    may_read = set()
    with beside(user=settings.LEDGER_EXPLORER_ROLE) as session:
        views = [name for (name,) in session.execute(VIEWS_OF_STATISTICS)]
        for name in views:
            try:
                session.execute(f"SELECT counted::text FROM pg_catalog.{name} AS counted".encode())
                may_read.add(name)
            except psycopg.errors.InsufficientPrivilege:
                pass
    assert len(views) > 40
    assert may_read == OPEN_STATISTICS


def test_no_position_in_the_wal_counts_what_others_write(books: Books) -> None:
    if not server().get("LEDGER_EMBEDDED"):
        pytest.skip("only a superuser takes these functions from everybody")
    with connection.cursor() as cursor:
        cursor.execute(POSITIONS, [settings.LEDGER_EXPLORER_ROLE])
        found = dict(cursor.fetchall())
    assert found.keys() >= {"pg_current_wal_lsn", "pg_control_checkpoint"}
    assert [name for name, may in found.items() if may] == []


@pytest.mark.parametrize(
    ("functions", "known"),
    [
        (OF_NEXT_TRANSACTION, {"age", "pg_current_snapshot", "pg_stat_get_activity"}),
        (SIZES, {"pg_relation_size", "pg_database_size"}),
    ],
    ids=["the next transaction", "sizes"],
)
def test_no_number_grows_by_what_others_write(
    functions: str, known: set[str], books: Books
) -> None:
    """The check includes functions of later Postgres versions."""
    if not server().get("LEDGER_EMBEDDED"):
        pytest.skip("only a superuser takes these functions from everybody")
    with connection.cursor() as cursor:
        cursor.execute(functions, [settings.LEDGER_EXPLORER_ROLE])
        found = set(cursor.fetchall())
    assert {name for name, _may in found} >= known
    assert sorted(name for name, may in found if may) == []


def test_the_age_of_a_time_stays(books: Books) -> None:
    """Tests a function with the same name as the function that counts transactions."""
    assert rows(books.bank, "SELECT age('2026-02-01'::timestamp, '2026-01-01')") == [("1 mon",)]


def test_no_function_shows_what_became_of_the_transactions_of_others(books: Books) -> None:
    if not server().get("LEDGER_EMBEDDED"):
        pytest.skip("only a superuser takes these functions from everybody")
    with connection.cursor() as cursor:
        cursor.execute(OF_OTHER_TRANSACTIONS, [settings.LEDGER_EXPLORER_ROLE])
        found = dict(cursor.fetchall())
    assert found.keys() >= {"pg_xact_status", "pg_get_multixact_members"}
    assert [name for name, may in found.items() if may] == []


@pytest.mark.parametrize("role", ["OWNER", "WEB", "MONITOR"])
def test_the_bank_and_its_monitors_read_the_statistics(role: str, books: Books) -> None:
    if not server().get("LEDGER_EMBEDDED"):
        pytest.skip("only a superuser takes these functions from everybody")
    roles = {"OWNER": server()["USER"], "WEB": settings.LEDGER_WEB_ROLE, "MONITOR": "pg_monitor"}
    with beside(user="postgres") as session:
        session.execute(f"SET ROLE {roles[role]}".encode())
        assert session.execute("SELECT idx_scan FROM pg_stat_user_indexes").fetchone()
        assert session.execute("SELECT blks_hit, pg_current_wal_lsn() FROM pg_stat_database")


@pytest.mark.usefixtures("may_execute")
def test_statistics_count_no_row_that_a_query_passes_over(books: Books) -> None:
    if not server().get("LEDGER_EMBEDDED"):
        pytest.skip("only a superuser lets sessions of the role count nothing")
    found = rows(
        books.bank,
        "SELECT proname FROM pg_proc WHERE proname LIKE 'pg_stat_get_xact%'"
        " AND proargtypes = '26' AND prorettype = 'int8'::regtype",
    )
    functions = [name for (name,) in found if "function" not in str(name)]
    assert len(functions) > 5
    counts = ", ".join(f"sum({name}(oid)) FILTER (WHERE n > 0)" for name in functions)
    sql = (
        f"SELECT {counts} FROM pg_class, (SELECT count(*) AS n FROM transactions OFFSET 0) AS read"
        " WHERE relname ~ 'transactions'"
    )
    assert set(rows(books.bank, sql)[0]) == {"0"}


@pytest.mark.usefixtures("may_execute")
def test_statements_of_others_stay_hidden(books: Books) -> None:
    with beside(user=settings.LEDGER_EXPLORER_ROLE) as other:
        other.execute("SELECT 'what a colleague asked'")
        sql = (
            "SELECT query FROM pg_stat_activity WHERE query <> '' AND query NOT LIKE '<insuff%'"
            " AND pid <> pg_backend_pid()"
        )
        if not server().get("LEDGER_EMBEDDED"):
            pytest.skip("only a superuser hides what sessions of the role run")
        assert rows(books.bank, sql) == []


def test_sessions_of_others_live_on(books: Books) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    for function in ("pg_terminate_backend", "pg_cancel_backend"):
        problem = query(books.bank, f"SELECT {function}({pid})").problem
        assert problem is not None
        assert problem.state == DENIED
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone() == (pid,)


def test_no_query_changes_a_setting(books: Books) -> None:
    """Tests settings such as the messages that Postgres sends to the web process, or the time limit
    of a query.
    """
    if not server().get("LEDGER_EMBEDDED"):
        pytest.skip("only a superuser takes set_config from everybody")
    problem = query(books.bank, "SELECT set_config('a.b', 'c', true)").problem
    assert problem is not None
    assert problem.state == DENIED


@pytest.mark.parametrize("function", ["pg_terminate_backend", "pg_cancel_backend"])
def test_queries_of_colleagues_live_on(books: Books, function: str) -> None:
    if not server().get("LEDGER_EMBEDDED"):
        pytest.skip("only a superuser takes the functions from everybody")
    with beside(user=settings.LEDGER_EXPLORER_ROLE) as other:
        pid = other.info.backend_pid
        problem = query(books.bank, f"SELECT {function}({pid})").problem
        assert problem is not None
        assert problem.state == DENIED
        assert other.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize(
    "grant",
    [
        "GRANT ledger_web_rows TO {}",
        "ALTER ROLE {} CREATEROLE",
        "ALTER ROLE {} BYPASSRLS",
        "ALTER ROLE {} SUPERUSER",
        "CREATE SCHEMA AUTHORIZATION {0} CREATE TABLE mine ()",
    ],
)
def test_a_role_that_may_more_is_not_used(grant: str, another_role: str, books: Books) -> None:
    assert rows(books.bank, "SELECT 1") == [("1",)]
    with beside(user="postgres") as superuser:
        superuser.execute(grant.format(another_role).encode())
    with pytest.raises(NotSetUp, match=another_role):
        query(books.bank, "SELECT 1")


def test_a_role_that_may_not_read_the_views_is_not_used(another_role: str, books: Books) -> None:
    """Tests a role that was created after the last `manage.py prepare`."""
    with beside(user="postgres") as superuser:
        superuser.execute(f"REVOKE USAGE ON SCHEMA explorer FROM {another_role}".encode())
    with pytest.raises(NotSetUp, match=another_role):
        query(books.bank, "SELECT 1")


def test_the_login_of_the_web_process_is_not_used(books: Books, settings: Any) -> None:
    """Tests that an administrator who sets the wrong role gets no explorer, and not an explorer
    that reads everything.
    """
    settings.LEDGER_EXPLORER_ROLE = settings.LEDGER_WEB_ROLE
    with pytest.raises(NotSetUp):
        run(QueryRequest("SELECT 1", {}, 1, 5), books.bank)


@pytest.mark.usefixtures("may_execute")
def test_the_transaction_reads_only_and_stays_so(books: Books) -> None:
    for sql in (
        "SELECT set_config('transaction_read_only', 'off', true)",
        "SELECT set_config('transaction_isolation', 'serializable', true)",
    ):
        problem = query(books.bank, sql).problem
        assert problem is not None
        assert problem.state in ("25001", "25006")
    with read_only_session(books.bank, 5) as session:
        assert session.execute("SHOW transaction_read_only").fetchone() == ("on",)
