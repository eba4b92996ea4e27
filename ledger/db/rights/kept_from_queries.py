"""Postgres functions that all roles may execute by default, but queries of the explorer may not.

The right is revoked from PUBLIC and granted to the bank's other roles. This needs a superuser and
is done for each database. Each group of functions is a regular expression for names in
`pg_catalog`, or for a signature if several functions have the same name.
"""

from collections.abc import Sequence
from typing import Any

STATISTICS = "pg_read_all_stats"  # a role of Postgres that can see the activity of all sessions
# Messages in the WAL could fill the disk, and every session of a role may end other sessions of the
# same role. `ledger.db.commits.confirmation` and `posting.lost_statements` need these functions.
FOR_BOOKING_ROLES = "pg_logical_emit_message|pg_terminate_backend|pg_cancel_backend"
# With this function, a query could switch off its limits, or make Postgres send notices of any
# length.
SETTINGS = "set_config"
# Note [Shared locks]: Postgres stores all locks of the server in one table of fixed size. When this
# table is full, transactions cannot write, and most new sessions fail. A query can take one
# advisory lock for each number, and with `pg_get_object_address` one lock for each object of the
# catalog. The other functions lock each sequence, or each table of a view, until the end of the
# query. They need no right to the sequence or table.
LOCKS = (
    r"pg_(try_)?advisory_(xact_)?lock(_shared)?|pg_get_object_address"
    r"|pg_sequence_last_value|pg_get_sequence_data|pg_get_(view|rule)def"
)
# These functions show which session waits for which advisory lock. The bank's services use one lock
# per person, transaction or batch. The view pg_locks calls `pg_lock_status`.
LOCKS_OF_OTHERS = (
    "pg_lock_status|pg_blocking_pids|pg_safe_snapshot_blocking_pids"
    "|pg_isolation_test_session_is_blocked"
)
# These functions run SQL from a text, lock any table, or evaluate an XPath expression, which
# Postgres cannot stop.
TEXTS = (
    r"(query|cursor|table|schema|database)_to_xml\w*|xpath|xpath_exists|xmlexists"
    "|ts_stat|ts_rewrite"
)
FOR_BANK_ROLES = f"{SETTINGS}|{LOCKS}|{LOCKS_OF_OTHERS}|{TEXTS}"
# These functions show how much the bank's pages read and write, for each table and index and in
# bytes of WAL. The numbers differ between a known and an unknown email address, so only the bank
# and its monitoring may see them. Transactions that write get consecutive numbers. Everything that
# shows the next number (a snapshot, an age, `backend_xmin` of pg_stat_activity) therefore also
# shows how many transactions have written. A size shows that a table became larger. The last five
# functions show the outcome of any transaction, such as a refused payment, and which transactions
# had a lock on the same row. `explorer.schema.functions` reads pg_stat_activity for the explorer.
COUNTERS = (
    r"pg_stat_(get|have)_\w+|pg_(current|last)_wal_\w+|pg_last_xact_replay_timestamp"
    r"|pg_get_wal_summarizer_state|pg_available_wal_summaries|pg_wal_summary_contents"
    r"|pg_get_replication_slots|pg_control_\w+"
    r"|(pg_current_xact_id|txid_current)(_if_assigned)?|(pg|txid)_current_snapshot"
    r"|age\(xid\)|mxid_age|pg_notification_queue_usage|pg_prepared_xact"
    r"|pg_(total_)?relation_size|pg_(table|indexes|database|tablespace)_size"
    r"|pg_xact_status|txid_status|pg_get_multixact_\w+|pg_last_committed_xact"
    r"|pg_xact_commit_timestamp(_origin)?"
)
IN_GROUP = r"""pronamespace = 'pg_catalog'::regnamespace
    AND concat(proname, '(', oidvectortypes(proargtypes), ')') ~ ('^(' || %s || ')(\(|$)')"""
# Returns the SQL statement that corrects the rights for each function with wrong rights.
STATEMENTS = f"""
SELECT format('REVOKE EXECUTE ON FUNCTION %%1$s FROM PUBLIC; GRANT EXECUTE ON FUNCTION %%1$s TO %%2$s',
              pg_proc.oid::regprocedure, string_agg(quote_ident(rolname), ', '))
FROM pg_proc, pg_roles
WHERE {IN_GROUP} AND rolname = ANY (%s)
GROUP BY pg_proc.oid
HAVING has_function_privilege('public', pg_proc.oid, 'EXECUTE')
    OR NOT bool_and(has_function_privilege(pg_roles.oid, pg_proc.oid, 'EXECUTE'))
"""  # noqa: E501, S608 - a constant
EXECUTABLE = f"""
SELECT DISTINCT proname FROM pg_proc, pg_roles
WHERE {IN_GROUP} AND rolname = %s AND has_function_privilege(pg_roles.oid, pg_proc.oid, 'EXECUTE')
ORDER BY proname
"""  # noqa: S608 - a constant


def statements(cursor: Any, booking: Sequence[str], others: Sequence[str]) -> list[str]:
    """Returns the SQL statements that correct the rights to these functions, or an empty list if
    all rights are correct.

    `booking` contains the roles that book payments (owner, web, worker). `others` contains all
    other roles of the bank, except the explorer's role.
    """
    found = []
    for functions, roles in (
        (FOR_BOOKING_ROLES, booking),
        (FOR_BANK_ROLES, [*booking, *others]),
        (COUNTERS, [*booking, *others, STATISTICS]),
    ):
        cursor.execute(STATEMENTS, [functions, roles])
        found += [statement for (statement,) in cursor.fetchall()]
    return found


def executable(connection: Any, role: str) -> list[str]:
    """Returns the names of the functions that this module lists and the role may execute."""
    functions = f"lo_create|{FOR_BOOKING_ROLES}|{FOR_BANK_ROLES}|{COUNTERS}"
    return [name for (name,) in connection.execute(EXECUTABLE, [functions, role]).fetchall()]
