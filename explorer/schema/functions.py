"""The database functions that the explorer's role executes.

The views call two of the functions to find out what the user may see. These two functions trust
only a signed token. They are copies of the functions for row-level security, in a separate schema
and with separate keys, because the explorer also works without row-level security. The role may
execute these two functions as a part of a view. The role may not use the schema of the functions,
so queries cannot call them.
"""

from ledger.db.rights import row_security as tokens
from transactions.row_security import functions as row_security

SCHEMA, RULES = "explorer", "explorer_rules"
SETTING = "ledger.explorer"
TABLES = f"""
CREATE SCHEMA {SCHEMA};
CREATE SCHEMA {RULES};
CREATE TABLE {RULES}.keys (inner_pad bytea PRIMARY KEY, outer_pad bytea NOT NULL);
COMMENT ON TABLE {RULES}.keys IS 'Keys of the explorer''s tokens, for the owner alone';
"""
# Prefix of `application_name` in the sessions of the role, before the end time of the query.
UNTIL = "ledger explorer until "
# The role may not read pg_stat_activity, which shows the transaction ids of other sessions.
OVERDUE = f"""
CREATE FUNCTION {SCHEMA}.overdue_sessions() RETURNS TABLE (pid integer, seconds_late numeric)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT pid, late FROM (
    SELECT pid, extract(epoch FROM clock_timestamp())
           - substring(application_name FROM '^{UNTIL}([0-9]{{1,12}})$')::bigint AS late
    FROM pg_stat_activity
    WHERE usename = session_user AND datname = current_database()
  ) AS session WHERE late > 0
$$;
REVOKE ALL ON FUNCTION {SCHEMA}.overdue_sessions() FROM PUBLIC;
"""  # noqa: S608 - a constant
# Postgres locks the tables in a text when it parses the text, but checks the rights only when it
# runs the text. For parts that the planner removes, such as an unused WITH, the rights are never
# checked.
TABLES_OF_VIEWS = ("accounts", "currencies", "transactions", "users")
LOCKED = f"""
CREATE FUNCTION {SCHEMA}.locks_hidden_table() RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM pg_locks AS held JOIN pg_class ON pg_class.oid = held.relation
    WHERE held.locktype = 'relation' AND held.pid = pg_backend_pid()
      AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND pg_class.relnamespace = 'public'::regnamespace
      AND pg_class.relname <> ALL ('{{{",".join(TABLES_OF_VIEWS)}}}')
  )
$$;
REVOKE ALL ON FUNCTION {SCHEMA}.locks_hidden_table() FROM PUBLIC;
"""  # noqa: S608 - a constant
_SCOPE = f"({RULES}.claims())[2]::int"
# Values of `ledger.db.rights.row_security.RowScope`: BANK is without names, and STAFF is with
# names.
FUNCTIONS = {
    "reads_bank() RETURNS boolean": f"coalesce({_SCOPE} >= 4, false)",
    "reads_names() RETURNS boolean": f"coalesce({_SCOPE} >= 5, false)",
}


def statements() -> list[str]:
    """Returns the SQL statements that create all functions."""
    own = [OVERDUE, LOCKED, row_security.CLAIMS.replace(tokens.SETTING, SETTING)]
    own += [row_security.function_sql(*function) for function in FUNCTIONS.items()]
    return [sql.replace(f"{row_security.SCHEMA}.", f"{RULES}.") for sql in own]


def names() -> list[str]:
    """Returns the names of the functions that the explorer's role may execute, in the format that
    GRANT needs.
    """
    of_views = [f"{RULES}.{row_security.name_of(signature)}" for signature in FUNCTIONS]
    return [*of_views, f"{SCHEMA}.overdue_sessions()", f"{SCHEMA}.locks_hidden_table()"]
