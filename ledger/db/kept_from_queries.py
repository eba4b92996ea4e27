"""Functions of Postgres that everybody may execute, and queries of the explorer may not.

They are taken from PUBLIC, which only a superuser can, in each database, and granted to other roles
of the bank.
"""

from collections.abc import Sequence
from typing import Any

# Messages in the WAL could fill the disk, and a session of a role may be ended by any other of it.
# They are for the roles of `ledger.db.confirmation` and `posting.lost_statements`.
OF_OWNER_AND_WEB = (
    "pg_logical_emit_message(boolean,text,text)",  # these two before Postgres 17
    "pg_logical_emit_message(boolean,text,bytea)",
    "pg_logical_emit_message(boolean,text,text,boolean)",
    "pg_logical_emit_message(boolean,text,bytea,boolean)",
    "pg_terminate_backend(integer,bigint)",
    "pg_cancel_backend(integer)",
)
# By this one a query could turn its limits off, or let Postgres send it notices of any length.
SETTINGS = ("set_config(text,text,boolean)",)
# Note [Shared locks]: Postgres keeps all locks of the server in one table of fixed size. When it is
# full, no transaction writes, and hardly a session begins. A query can take one advisory lock for
# each number, and by `pg_get_object_address` one for each object of the catalog.
LOCKS = (
    *(
        f"pg_{attempt}advisory_{scope}lock{strength}({arguments})"
        for attempt in ("", "try_")
        for scope in ("", "xact_")
        for strength in ("", "_shared")
        for arguments in ("bigint", "integer,integer")
    ),
    "pg_get_object_address(text,text[],text[])",
)
# These show who waits for which advisory lock; the locks of the bank's services are for one person,
# transaction or batch each.
LOCKS_OF_OTHERS = (
    "pg_lock_status()",  # the view pg_locks
    "pg_blocking_pids(integer)",
    "pg_safe_snapshot_blocking_pids(integer)",
    "pg_isolation_test_session_is_blocked(integer,integer[])",
)
OF_THE_BANK = (*SETTINGS, *LOCKS, *LOCKS_OF_OTHERS)
# The statement for each function that is not as it should be.
STATEMENTS = """
SELECT format('REVOKE EXECUTE ON FUNCTION %%1$s FROM PUBLIC; GRANT EXECUTE ON FUNCTION %%1$s TO %%2$s',
              function, string_agg(quote_ident(rolname), ', '))
FROM unnest(%s::text[]) AS name,
     to_regprocedure('pg_catalog.' || name) AS function, pg_roles
WHERE function IS NOT NULL AND rolname = ANY (%s)
GROUP BY function
HAVING has_function_privilege('public', function, 'EXECUTE')
    OR NOT bool_and(has_function_privilege(pg_roles.oid, function, 'EXECUTE'))
"""  # noqa: E501
EXECUTABLE = """
SELECT DISTINCT proname FROM pg_roles, pg_proc
WHERE rolname = %s AND pg_proc.oid IN (
      SELECT to_regprocedure('pg_catalog.' || name) FROM unnest(%s::text[]) AS name)
  AND has_function_privilege(pg_roles.oid, pg_proc.oid, 'EXECUTE')
ORDER BY proname
"""


def statements(cursor: Any, owner: str, web: str, others: Sequence[str]) -> list[str]:
    """Returns the SQL that leaves each function to its roles; none where nothing is to be done.
    `others` are all further roles of the bank but the explorer's.
    """
    found = []
    for functions, roles in (
        (OF_OWNER_AND_WEB, [owner, web]),
        (OF_THE_BANK, [owner, web, *others]),
    ):
        cursor.execute(STATEMENTS, [list(functions), roles])
        found += [statement for (statement,) in cursor.fetchall()]
    return found


def executable(connection: Any, role: str) -> list[str]:
    """Returns the names of these functions that the role may execute."""
    functions = ["lo_create(oid)", *OF_OWNER_AND_WEB, *OF_THE_BANK]
    return [name for (name,) in connection.execute(EXECUTABLE, [role, functions]).fetchall()]
