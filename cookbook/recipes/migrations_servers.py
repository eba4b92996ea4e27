"""Recipes about extensions that show the inside of a server, or another server."""

from typing import Any

from django.contrib.postgres.operations import CreateExtension
from django.db import DatabaseError, connection
from django.db.migrations.state import ProjectState

from cookbook.recipes.databases import rows
from cookbook.recipes.migrations import GROUP, migrate, parcels
from cookbook.runner.steps import step


@GROUP.recipe(
    "pg_stat_statements: which SQL takes the time",
    asks="Which SQL statements of my site take the most time?",
    shows=(
        "pg_stat_statements",
        "slow queries",
        "total_exec_time",
        "shared_preload_libraries",
        "calls",
    ),
    notice="Statements that differ only in their values are one row: Postgres replaces the values "
    "by $1, $2. A fast statement with many calls can cost more in total than a slow one. "
    "shared_blks_hit counts pages that came from memory, shared_blks_read the other pages.",
    pitfall="The server must load the library at its start (shared_preload_libraries), and the "
    "view shows the statements of all databases of the server. It keeps pg_stat_statements.max "
    "statements and drops the rarest, so an IN list of changing length, or names in the SQL text, "
    "push others out. IN lists become one row from Postgres 18 on.",
    own_database=True,
    preload="pg_stat_statements",
)
def calls_by_pg_stat_statements() -> list[dict[str, Any]]:
    """Sends two kinds of queries, and returns how often each was called."""
    parcel: Any = parcels().apps.get_model("shop", "Parcel")
    with step("CreateExtension"):
        migrate(ProjectState(), CreateExtension("pg_stat_statements"))
    with connection.cursor() as cursor:
        cursor.execute("SET pg_stat_statements.track = 'top'")
        for grams in (100, 250, 900):
            parcel.objects.filter(grams=grams).count()
        parcel.objects.filter(code__startswith="A").count()
        cursor.execute("SET pg_stat_statements.track = 'none'")
    with step("The statistics"):
        found = rows(
            "SELECT calls, rows, total_exec_time < 1000 AS below_a_second, query"
            " FROM pg_stat_statements"
            " WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " ORDER BY calls DESC, query"
        )
    with step("Reset"):
        rows(
            "SELECT pg_stat_statements_reset(0, oid, 0) FROM pg_database"
            " WHERE datname = current_database()"
        )
    return found


def execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@GROUP.recipe(
    "amcheck: is an index correct?",
    asks="How do I find a corrupt index or table?",
    shows=("amcheck", "bt_index_check", "verify_heapam", "corruption", "REINDEX", "pg_amcheck"),
    notice="verify_heapam returns one row for each fault of the table. bt_index_check checks the "
    "order of a B-tree; with true it also looks for each row of the table in the index. Here the "
    "function of an index changes, as an update of the operating system can change the order of "
    "texts. Then the query by the index misses a row, the check fails, and REINDEX repairs it.",
    pitfall="A wrong index raises no error by itself: queries miss rows, and a unique index "
    "accepts duplicates. Check after a new version of the operating system and after a restore of "
    "files. pg_amcheck checks a whole database; bt_index_check takes only a light lock, but "
    "bt_index_parent_check stops writes.",
    own_database=True,
)
def index_by_amcheck() -> dict[str, Any]:
    """Checks a correct index, and the same index after its function has changed."""
    migrate(parcels(), CreateExtension("amcheck"))
    function = "CREATE OR REPLACE FUNCTION weight(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS"
    check = "SELECT bt_index_check('parcel_weight', true)"
    execute(
        f"{function} 'BEGIN RETURN $1; END'",
        "CREATE INDEX parcel_weight ON shop_parcel (weight(grams))",
    )
    with step("The index is correct"):
        execute(check)
        faults = rows("SELECT count(*) AS faults FROM verify_heapam('shop_parcel')")
    with step("The function changes"):
        execute(f"{function} 'BEGIN RETURN $1 / 10; END'", "SET enable_seqscan = off")
        found = rows("SELECT count(*) AS found FROM shop_parcel WHERE weight(grams) = 90")
        try:
            execute(check)
        except DatabaseError as error:
            fault = str(error).splitlines()[0]
    with step("REINDEX"):
        execute("REINDEX INDEX parcel_weight", check)
        repaired = rows("SELECT count(*) AS found FROM shop_parcel WHERE weight(grams) = 90")
    return {
        **faults[0],
        "found by the wrong index": found[0]["found"],
        "bt_index_check": fault,
        "found after REINDEX": repaired[0]["found"],
    }


@GROUP.recipe(
    "pgstattuple: dead rows and free space",
    asks="How much of a table or index is dead rows and free space?",
    shows=("pgstattuple", "pgstatindex", "bloat", "dead rows", "avg_leaf_density", "VACUUM"),
    notice="DELETE leaves the rows in their pages. After VACUUM their space is free for new rows, "
    "but the file keeps its size. The index has half-empty pages: avg_leaf_density falls by half. "
    "REINDEX CONCURRENTLY would make the index small, and VACUUM FULL the table and its indexes.",
    pitfall="pgstattuple reads the whole table, which takes long on a large one; "
    "pgstattuple_approx skips pages that are all visible. VACUUM FULL rewrites the table under a "
    "lock that stops reads too. Free space is no fault: updates need some.",
    own_database=True,
)
def free_space_by_pgstattuple() -> list[dict[str, Any]]:
    """Deletes every second row of a table, and returns its figures in three states."""
    migrate(parcels(), CreateExtension("pgstattuple"))
    execute(
        "INSERT INTO shop_parcel (code, grams) SELECT 'C' || n, n FROM generate_series(1, 9997) n",
        "CREATE INDEX parcel_grams ON shop_parcel (grams)",
    )
    found = []
    for state, statement in (
        ("full", "ANALYZE shop_parcel"),
        ("half deleted", "DELETE FROM shop_parcel WHERE id % 2 = 0"),
        ("after VACUUM", "VACUUM shop_parcel"),
    ):
        with step(state):
            execute(statement)
            (figures,) = rows(
                "SELECT table_len AS bytes, tuple_count AS live, dead_tuple_count AS dead,"
                " round(free_percent) AS free_percent, round(avg_leaf_density) AS leaf_density"
                " FROM pgstattuple('shop_parcel'), pgstatindex('parcel_grams')"
            )
            found.append({"state": state, **figures})
    return found


@GROUP.recipe(
    "postgres_fdw: a table of another server",
    asks="How do I query a table of another Postgres server?",
    shows=(
        "postgres_fdw",
        "foreign table",
        "CREATE SERVER",
        "CREATE USER MAPPING",
        "IMPORT FOREIGN SCHEMA",
        "foreign data wrapper",
        "another database",
    ),
    notice="The other server of this example is this database itself. For a real one, the options "
    "are its host, port and dbname, and the user mapping has a user and a password. IMPORT FOREIGN "
    "SCHEMA creates foreign tables; a model with managed = False and db_table can read them. The "
    "Remote SQL of the plan has the condition and the sum: the other server computes them and "
    "sends one row.",
    pitfall="A condition with a function that is not built in or not immutable is checked here, "
    "after all rows have come. At the end both servers commit, one after the other: if the second "
    "COMMIT fails, the first stays. The password of a user mapping is in the catalogue and in "
    "dumps.",
    own_database=True,
    teaches_plan=True,
)
def sum_by_postgres_fdw() -> dict[str, Any]:
    """Adds up the weights of a foreign table. Returns the sum and the SQL of the other server."""
    migrate(parcels(), CreateExtension("postgres_fdw"))
    with step("The foreign table"):
        execute(
            """
            DO $$ BEGIN
                EXECUTE format(
                    'CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw'
                    ' OPTIONS (host %L, port %L, dbname %L)',
                    trim('"' FROM current_setting('unix_socket_directories')),
                    current_setting('port'), current_database());
                EXECUTE format(
                    'CREATE USER MAPPING FOR CURRENT_USER SERVER elsewhere'
                    ' OPTIONS (user %L)', current_user);
            END $$
            """,
            "CREATE SCHEMA here",
            "IMPORT FOREIGN SCHEMA public LIMIT TO (shop_parcel) FROM SERVER elsewhere INTO here",
        )
    with step("A query"):
        query = "SELECT sum(grams) AS grams FROM here.shop_parcel WHERE grams > 0"
        (found,) = rows(query)
        lines = [line for row in rows(f"EXPLAIN (VERBOSE) {query}") for line in row.values()]
        return {**found, "plan": next(line.strip() for line in lines if "Remote SQL" in line)}
