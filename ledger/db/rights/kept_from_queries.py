"""Functions of Postgres that everybody may execute, and queries of the explorer may not.

They are taken from PUBLIC, which only a superuser can, in each database, and granted to other roles
of the bank. Each group is a regular expression of their names in `pg_catalog`, or of one signature
where other functions have the same name.
"""

from collections.abc import Sequence
from typing import Any

STATISTICS = "pg_read_all_stats"  # a role of Postgres: sees what every session does
# Messages in the WAL could fill the disk, and a session of a role may be ended by any other of it.
# They are for the roles of `ledger.db.commits.confirmation` and `posting.lost_statements`.
OF_THOSE_WHO_BOOK = "pg_logical_emit_message|pg_terminate_backend|pg_cancel_backend"
# By this one a query could turn its limits off, or let Postgres send it notices of any length.
SETTINGS = "set_config"
# Note [Shared locks]: Postgres keeps all locks of the server in one table of fixed size. When it is
# full, no transaction writes, and hardly a session begins. A query can take one advisory lock for
# each number, and by `pg_get_object_address` one for each object of the catalog. The others lock
# each sequence, or each table of a view, to the end of the query, without a right to it.
LOCKS = (
    r"pg_(try_)?advisory_(xact_)?lock(_shared)?|pg_get_object_address"
    r"|pg_sequence_last_value|pg_get_sequence_data|pg_get_(view|rule)def"
)
# These show who waits for which advisory lock; the locks of the bank's services are for one person,
# transaction or batch each. `pg_lock_status` is the view pg_locks.
LOCKS_OF_OTHERS = (
    "pg_lock_status|pg_blocking_pids|pg_safe_snapshot_blocking_pids"
    "|pg_isolation_test_session_is_blocked"
)
# These run SQL in a text, lock any table, or compute an XPath, which Postgres cannot stop.
TEXTS = (
    r"(query|cursor|table|schema|database)_to_xml\w*|xpath|xpath_exists|xmlexists"
    "|ts_stat|ts_rewrite"
)
OF_THE_BANK = f"{SETTINGS}|{LOCKS}|{LOCKS_OF_OTHERS}|{TEXTS}"
# What pages of the bank read and write is counted for each table and index, and in bytes of the
# WAL. The counts differ for an e-mail address that is known and one that is not. They are for the
# bank and its monitors. Transactions that write get numbers in turn, so what shows the next number
# (a snapshot, an age, `backend_xmin` of pg_stat_activity) counts them too; a size shows that a
# table grew. The last five show what became of any transaction, such as a refused payment, and
# which ones shared the lock of a row. `explorer.schema.functions` reads pg_stat_activity for the
# explorer.
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
OF_GROUP = r"""pronamespace = 'pg_catalog'::regnamespace
    AND concat(proname, '(', oidvectortypes(proargtypes), ')') ~ ('^(' || %s || ')(\(|$)')"""
# The statement for each function that is not as it should be.
STATEMENTS = f"""
SELECT format('REVOKE EXECUTE ON FUNCTION %%1$s FROM PUBLIC; GRANT EXECUTE ON FUNCTION %%1$s TO %%2$s',
              pg_proc.oid::regprocedure, string_agg(quote_ident(rolname), ', '))
FROM pg_proc, pg_roles
WHERE {OF_GROUP} AND rolname = ANY (%s)
GROUP BY pg_proc.oid
HAVING has_function_privilege('public', pg_proc.oid, 'EXECUTE')
    OR NOT bool_and(has_function_privilege(pg_roles.oid, pg_proc.oid, 'EXECUTE'))
"""  # noqa: E501, S608 - a constant
EXECUTABLE = f"""
SELECT DISTINCT proname FROM pg_proc, pg_roles
WHERE {OF_GROUP} AND rolname = %s AND has_function_privilege(pg_roles.oid, pg_proc.oid, 'EXECUTE')
ORDER BY proname
"""  # noqa: S608 - a constant


def statements(cursor: Any, booking: Sequence[str], others: Sequence[str]) -> list[str]:
    """Returns the SQL that leaves each function to its roles; none where nothing is to be done.
    `booking` are the roles that book payments: the owner's, the web role and the worker's; `others`
    are all further roles of the bank but the explorer's.
    """
    found = []
    for functions, roles in (
        (OF_THOSE_WHO_BOOK, booking),
        (OF_THE_BANK, [*booking, *others]),
        (COUNTERS, [*booking, *others, STATISTICS]),
    ):
        cursor.execute(STATEMENTS, [functions, roles])
        found += [statement for (statement,) in cursor.fetchall()]
    return found


def executable(connection: Any, role: str) -> list[str]:
    """Returns the names of these functions that the role may execute."""
    functions = f"lo_create|{OF_THOSE_WHO_BOOK}|{OF_THE_BANK}|{COUNTERS}"
    return [name for (name,) in connection.execute(EXECUTABLE, [functions, role]).fetchall()]
