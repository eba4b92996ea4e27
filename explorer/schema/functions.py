"""The functions that the views ask what the reader may see: they believe a signed token alone.

They are those of row-level security in a schema of their own, with keys of their own, because the
explorer works with and without it. Its role may execute them, as a view demands, but may not enter
their schema, so no query names them.
"""

from ledger.db import row_security as tokens
from transactions.row_security import functions as row_security

SCHEMA, RULES = "explorer", "explorer_rules"
SETTING = "ledger.explorer"
TABLES = f"""
CREATE SCHEMA {SCHEMA};
CREATE SCHEMA {RULES};
CREATE TABLE {RULES}.keys (inner_pad bytea PRIMARY KEY, outer_pad bytea NOT NULL);
COMMENT ON TABLE {RULES}.keys IS 'Keys of the explorer''s tokens, for the owner alone';
"""
_SCOPE = f"({RULES}.claims())[2]::int"
# The numbers are those of `ledger.db.row_security.RowScope`: BANK without names, STAFF with them.
FUNCTIONS = {
    "reads_bank() RETURNS boolean": f"coalesce({_SCOPE} >= 4, false)",
    "reads_names() RETURNS boolean": f"coalesce({_SCOPE} >= 5, false)",
}


def statements() -> list[str]:
    """The SQL of all functions."""
    own = [row_security.CLAIMS.replace(tokens.SETTING, SETTING)]
    own += [row_security.function_sql(*function) for function in FUNCTIONS.items()]
    return [sql.replace(f"{row_security.SCHEMA}.", f"{RULES}.") for sql in own]


def names() -> list[str]:
    """Each function that a view names, as GRANT takes it."""
    return [f"{RULES}.{row_security.name_of(signature)}" for signature in FUNCTIONS]
