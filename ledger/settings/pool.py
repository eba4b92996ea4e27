"""Settings for connection pools. DB_POOL sets the size of a pool in each web process. DB_POOLER
declares a separate pooler in front of the database server.

If a combination of settings is harmful, the process stops with one message (docs/databases.md).
"""

import os
from typing import Any

from ledger import env

TRANSACTION = "transaction"
# After this time without the server, a pool stops trying to reconnect. The next request then
# connects immediately. Otherwise the pauses of psycopg_pool between two attempts could grow to
# minutes.
RECONNECT_SECONDS = 2
# Maximum for one process; a server rarely accepts more connections from all processes together.
MAX_CONNECTIONS = 1000

ONE_KEEPS = (
    "with DB_POOL only the pool keeps connections, and a request that kept one would take it from"
    " the others; leave it empty"
)
NO_SERVER = "a pooler works in front of your own server; name it by DATABASE_URL or DB_NAME"
# Options that apply to a whole session, and why they are harmful behind a pooler in transaction
# mode.
HARMFUL = {
    "options": (
        "a pooler in transaction mode refuses start-up options, or passes their settings on to"
        " another client; set them on the role by ALTER ROLE"
    ),
    "assume_role": (
        "assume_role is a setting of the session, which a pooler in transaction mode passes on to"
        " another client; sign in as that role"
    ),
    "prepare_threshold": (
        "behind a pooler in transaction mode the next transaction may use a session in which its"
        " statement was not prepared; leave prepare_threshold out"
    ),
}
CURSORS = (
    "behind a pooler in transaction mode, reads of a server-side cursor may go to another session;"
    " leave DISABLE_SERVER_SIDE_CURSORS out"
)
PREPARED = (
    "behind a pooler in transaction mode the next transaction may use a session in which its"
    " statement was not prepared; leave it empty"
)
COOKBOOK = (
    "recipes with two people set a role and take advisory locks for a whole session, which a pooler"
    " in transaction mode passes on to another client; leave it empty"
)


def pool_options(timeout: int) -> dict[str, Any] | None:
    """Returns the options for psycopg_pool, or None if DB_POOL is not set. DB_POOL contains the
    sizes as MAX or MIN,MAX. `timeout` is how many seconds a request waits for a connection.
    """
    given = env.items("DB_POOL")
    if not given:
        return None
    if len(given) > 2:
        env.refuse("DB_POOL", "write the maximum of connections per process, or minimum,maximum")
    sizes = [
        int(env.check_number("DB_POOL", size, least=0, most=MAX_CONNECTIONS)) for size in given
    ]
    fewest, most = (0, *sizes)[-2:]
    if most < max(fewest, 1):
        env.refuse("DB_POOL", f"the maximum, {most}, is less than {max(fewest, 1)}")
    return {
        "min_size": fewest,
        "max_size": most,
        "timeout": timeout,
        "reconnect_timeout": RECONNECT_SECONDS,
    }


def is_behind_pooler() -> bool:
    """Returns whether DB_POOLER declares a pooler in transaction mode in front of the server."""
    return env.choice("DB_POOLER", "", ["", TRANSACTION]) == TRANSACTION


def checked(database: dict[str, Any], *, given: dict[str, Any], is_web: bool) -> dict[str, Any]:
    """Returns the settings of a database with the options for its pool and pooler. Ends the process
    if two settings do not work together.

    `given` contains the settings from DATABASE_URL or DB_OPTIONS. Only web processes have a pool,
    because a command sends one SQL statement at a time.
    """
    if is_behind_pooler():
        _refuse_harmful(given)
        database = behind_pooler(database)
    options = pool_options(int(database["OPTIONS"]["connect_timeout"]))
    if options is None:
        return database
    if env.text("CONN_MAX_AGE") or "CONN_MAX_AGE" in given:
        env.refuse("CONN_MAX_AGE", ONE_KEEPS)
    return with_pool(database, options) if is_web else database


def check_replica(replica: dict[str, Any]) -> None:
    """Ends the process if the URL of a replica contains options that do not work with the pooler or
    the pool.
    """
    where = "DATABASE_REPLICA_URLS"
    if replica.get("LEDGER_POOLER"):
        found = replica["OPTIONS"]
        _refuse_session_options(
            where, {name: found[name] for name in found if found[name] is not None}
        )
        if not replica.get("DISABLE_SERVER_SIDE_CURSORS", True):
            env.refuse(where, CURSORS)
    if replica["OPTIONS"].get("pool") and replica["CONN_MAX_AGE"]:
        env.refuse(where, f"it has conn_max_age; {ONE_KEEPS}")


def with_pool(database: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Returns the settings with Django's pool. Django's own connection checks are off, because the
    backend checks each connection of a pool.
    """
    return {
        **database,
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": False,
        "OPTIONS": {**database["OPTIONS"], "pool": options},
    }


def behind_pooler(database: dict[str, Any]) -> dict[str, Any]:
    """Returns the settings of a database behind a pooler. Nothing may stay in a session between two
    transactions.
    """
    return {
        **database,
        "LEDGER_POOLER": TRANSACTION,
        "OPTIONS": {**database["OPTIONS"], "prepare_threshold": None},
    }


def _refuse_harmful(given: dict[str, Any]) -> None:
    if not given:
        env.refuse("DB_POOLER", NO_SERVER)
    where = "DATABASE_URL" if env.text("DATABASE_URL") else "DB_OPTIONS"
    _refuse_session_options(where, given["OPTIONS"])
    if os.environ.get("PGOPTIONS"):  # libpq sends the value as `options`
        env.refuse("PGOPTIONS", HARMFUL["options"])
    if not given.get("DISABLE_SERVER_SIDE_CURSORS", True):
        env.refuse(where, CURSORS)
    if env.flag("LEDGER_PREPARE"):
        env.refuse("LEDGER_PREPARE", PREPARED)
    if env.flag("LEDGER_COOKBOOK"):
        env.refuse("LEDGER_COOKBOOK", COOKBOOK)


def _refuse_session_options(where: str, options: dict[str, Any]) -> None:
    for option, harm in HARMFUL.items():
        if option in options:
            env.refuse(where, harm)
