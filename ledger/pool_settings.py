"""Pools of connections: one in each web process (DB_POOL), or one before the server (DB_POOLER).

A mix that does harm stops the start with one sentence (docs/databases.md).
"""

import os
from typing import Any

from ledger import env

TRANSACTION = "transaction"
# After this long without its server a pool drops the place of a connection, so that the next
# request connects at once; psycopg_pool's own pauses grow to minutes.
RECONNECT_SECONDS = 2
MOST = 1000  # connections of a process; a server rarely takes more from all together

ONE_KEEPS = (
    "with DB_POOL the pool alone keeps connections, and a request that kept one would take it from"
    " the others; leave it empty"
)
NO_SERVER = "a pooler stands before a server of your own; name it by DATABASE_URL or DB_NAME"
# Options that a session keeps, with the harm that they do behind a pooler in transaction mode.
HARMFUL = {
    "options": (
        "a pooler in transaction mode refuses start-up options, or gives their settings to another"
        " client; set them on the role by ALTER ROLE"
    ),
    "assume_role": (
        "assume_role is a setting of the session, which a pooler in transaction mode gives to"
        " another client; sign in as that role"
    ),
    "prepare_threshold": (
        "behind a pooler in transaction mode the next transaction may run where nobody prepared its"
        " statement; leave prepare_threshold out"
    ),
}
CURSORS = (
    "behind a pooler in transaction mode a server-side cursor may be in another session when it is"
    " read; leave DISABLE_SERVER_SIDE_CURSORS out"
)
PREPARED = (
    "behind a pooler in transaction mode the next transaction may run where nobody prepared its"
    " statement; leave it empty"
)
COOKBOOK = (
    "recipes with two people set a role, and hold advisory locks, for a whole session, which a"
    " pooler in transaction mode gives to another client; leave it empty"
)


def pool_options(timeout: int) -> dict[str, Any] | None:
    """What DB_POOL=MAX or MIN,MAX asks of psycopg_pool; None without it. `timeout` is how many
    seconds a request waits for a connection.
    """
    given = env.items("DB_POOL")
    if not given:
        return None
    if len(given) > 2:
        env.refuse("DB_POOL", "it is the most connections of a process, or the fewest and the most")
    sizes = [int(env.check_number("DB_POOL", size, least=0, most=MOST)) for size in given]
    fewest, most = (0, *sizes)[-2:]
    if most < max(fewest, 1):
        env.refuse("DB_POOL", f"the most connections, {most}, are fewer than {max(fewest, 1)}")
    return {
        "min_size": fewest,
        "max_size": most,
        "timeout": timeout,
        "reconnect_timeout": RECONNECT_SECONDS,
    }


def is_behind_pooler() -> bool:
    """Whether DB_POOLER says that a pooler in transaction mode stands before the server."""
    return env.choice("DB_POOLER", "", ["", TRANSACTION]) == TRANSACTION


def checked(database: dict[str, Any], *, given: dict[str, Any], is_web: bool) -> dict[str, Any]:
    """The settings of a database with its pool and pooler; stops at harmful mixes. `given` is what
    DATABASE_URL or DB_OPTIONS say. Only web processes have a pool: commands send one statement
    after the other.
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
    """Stops at a replica whose URL does harm behind the pooler, or with the pool."""
    where = "DATABASE_REPLICA_URLS"
    if replica.get("LEDGER_POOLER"):
        found = replica["OPTIONS"]
        _refuse_of_session(where, {name: found[name] for name in found if found[name] is not None})
        if not replica.get("DISABLE_SERVER_SIDE_CURSORS", True):
            env.refuse(where, CURSORS)
    if replica["OPTIONS"].get("pool") and replica["CONN_MAX_AGE"]:
        env.refuse(where, f"it has conn_max_age; {ONE_KEEPS}")


def with_pool(database: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """The same with Django's pool. The backend checks each connection by itself: psycopg_pool
    waits a second after the first dead one.
    """
    return {
        **database,
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": False,
        "OPTIONS": {**database["OPTIONS"], "pool": options},
    }


def behind_pooler(database: dict[str, Any]) -> dict[str, Any]:
    """The same with nothing that a session would have to keep between two transactions."""
    return {
        **database,
        "LEDGER_POOLER": TRANSACTION,
        "OPTIONS": {**database["OPTIONS"], "prepare_threshold": None},
    }


def _refuse_harmful(given: dict[str, Any]) -> None:
    if not given:
        env.refuse("DB_POOLER", NO_SERVER)
    where = "DATABASE_URL" if env.text("DATABASE_URL") else "DB_OPTIONS"
    _refuse_of_session(where, given["OPTIONS"])
    if os.environ.get("PGOPTIONS"):  # libpq sends it as `options`
        env.refuse("PGOPTIONS", HARMFUL["options"])
    if not given.get("DISABLE_SERVER_SIDE_CURSORS", True):
        env.refuse(where, CURSORS)
    if env.flag("LEDGER_PREPARE"):
        env.refuse("LEDGER_PREPARE", PREPARED)
    if env.flag("LEDGER_COOKBOOK"):
        env.refuse("LEDGER_COOKBOOK", COOKBOOK)


def _refuse_of_session(where: str, options: dict[str, Any]) -> None:
    for option, harm in HARMFUL.items():
        if option in options:
            env.refuse(where, harm)
