"""Django's connection pool, which is used if `OPTIONS["pool"]` is set.

Note [Parameters of a pool]: Django creates the connection parameters once, together with the pool.
Later connections could then have an expired password or the old address of a restarted server.
Therefore Ledger's pool gets new parameters for each connection.

Note [Connections of a pool]: `fit_connection` checks a connection when it leaves the pool. The
check of psycopg_pool is not used, because it pauses for a second after the first dead connection,
and after a failover all connections are dead. If a server hangs, a check needs its whole time limit
to notice this. After such a check, all connections that were last checked earlier are closed
without another check. Before a connection returns to the pool, it is cleaned (Note [Clean
sessions]). If the cleaning fails, the connection is closed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

import psycopg
from django.core.exceptions import ImproperlyConfigured
from psycopg_pool import PoolTimeout

from ledger.db.backend.health import has_become_reader
from ledger.db.backend.limited import LimitedConnection, ServerHangs
from ledger.db.server import failed_servers

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool


class Psycopg:
    """A replacement for the module psycopg in Django's backend and pool. The replacement has a
    different function `connect`.
    """

    def __init__(self, connect: Callable[..., Any]) -> None:
        self.connect = connect

    def __getattr__(self, name: str) -> Any:
        return getattr(psycopg, name)


class NoFitConnection(PoolTimeout):
    """An error for a pool without a usable connection: no server answers and accepts writes.
    Nothing was changed.
    """


def new_pool(database: Any) -> "ConnectionPool[Any]":
    """Returns a new, closed pool for the connections of this alias.

    Raises ImproperlyConfigured if CONN_MAX_AGE is not 0, or if psycopg_pool is not installed.
    """
    if database.settings_dict.get("CONN_MAX_AGE", 0) != 0:
        raise ImproperlyConfigured("With a pool, CONN_MAX_AGE has to be 0.")
    try:
        from psycopg_pool import ConnectionPool
    except ImportError as error:
        raise ImproperlyConfigured("A pool needs: pip install psycopg[pool]") from error
    options = database.settings_dict["OPTIONS"]["pool"]

    def parameters() -> dict[str, Any]:
        return {**database.get_connection_params(), "autocommit": True}

    return ConnectionPool(
        kwargs=parameters,
        connection_class=database.Database,
        open=False,  # the first connection opens the pool
        configure=database._configure_connection,
        check=None,  # `fit_connection` does the check
        **(options if isinstance(options, dict) else {}),
    )


def fit_connection(take: Callable[[], Any], database: Any) -> Any:
    """Returns the first usable connection of the pool. The server of a usable connection answers,
    and accepts writes if the options require a writer. `take` takes a connection from the pool.

    Raises NoFitConnection if no connection is usable.
    """
    pool = database.pool
    for _ in range(pool.max_size + 1):
        found = take()
        raw = database.target(found)
        if _answers(raw, database):
            if not has_become_reader(raw, database.required_options):
                return found
            _note_refusal(pool, raw, psycopg.OperationalError("the server takes no writes"))
        found.close()  # the pool then opens a new connection
        pool.putconn(found)
    raise NoFitConnection("no connection of the pool has a server that takes writes")


def _note_refusal(pool: Any, raw: LimitedConnection, error: psycopg.Error) -> None:
    failed_servers.note_server(error, raw.server)
    pool.refused_by = error


@contextmanager
def noting_refusal(pool: Any) -> Iterator[None]:
    """Adds the reason to a PoolTimeout that the block raises, if the reason is known. The pool
    itself reports only that no connection was free.
    """
    try:
        yield
    except PoolTimeout as error:
        if (refused_by := getattr(pool, "refused_by", None)) is not None:
            failed_servers.note_earlier(error, [refused_by])
        raise


def is_distrusted(raw: LimitedConnection, pool: Any) -> bool:
    """Returns whether a server of this pool was found to hang after the last check of this
    connection.
    """
    return raw.answered_at < float(getattr(pool, "hung_at", 0.0))


def _answers(raw: LimitedConnection, database: Any) -> bool:
    """Returns whether the server answers within the pool's timeout."""
    sent_at = monotonic()
    if is_distrusted(raw, database.pool):
        return False
    try:
        with raw.limited_to(database.pool.timeout):
            raw.execute("SELECT 1", prepare=False)
    except ServerHangs as error:
        database.pool.hung_at = sent_at
        _note_refusal(database.pool, raw, error)
        return False
    except psycopg.Error:
        return False
    raw.answered_at = monotonic()
    return True
