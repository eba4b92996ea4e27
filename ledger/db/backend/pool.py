"""Django's pool of connections, as `OPTIONS["pool"]` asks for it.

Note [Parameters of a pool]: Django builds them once, when the pool is made. A password that
expires, or the address of an embedded server that was started again, would be dead for every later
connection. So the pool asks for them each time, and opens connections as the backend does.

Note [Connections of a pool]: a connection is checked when it leaves the pool, by `fit_connection`:
psycopg_pool's own check would pause for a second after the first dead one, and after a failover all
of them are dead. To find out that the server of one hangs takes as long as a request waits for the
pool; then all that were not checked since are closed too, without asking, and those in use as soon
as they come back. A connection is cleaned before it goes back (Note [Clean sessions]), or closed
where that cannot be done, so that nothing of one request is there in the next.
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
    """The module psycopg as Django's backend and its pool use it, with another way to connect."""

    def __init__(self, connect: Callable[..., Any]) -> None:
        self.connect = connect

    def __getattr__(self, name: str) -> Any:
        return getattr(psycopg, name)


class NoFitConnection(PoolTimeout):
    """No connection of the pool has a server that answers and takes writes, so nothing was done."""


def new_pool(database: Any) -> "ConnectionPool[Any]":
    """A pool for the connections of this wrapper's alias; not opened yet.

    Raises ImproperlyConfigured for a mix of settings that cannot work.
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
        open=False,  # by the first connection
        configure=database._configure_connection,
        check=None,  # `fit_connection` does
        **(options if isinstance(options, dict) else {}),
    )


def fit_connection(take: Callable[[], Any], database: Any) -> Any:
    """The first connection that `take` takes from the pool whose server answers, and still takes
    writes if it has to.

    Raises NoFitConnection if none does.
    """
    pool = database.pool
    for _ in range(pool.max_size + 1):
        found = take()
        raw = database.target(found)
        if _answers(raw, database):
            if not has_become_reader(raw, database.asked):
                return found
            _note_refusal(pool, raw, psycopg.OperationalError("the server takes no writes"))
        found.close()  # so that the pool replaces it
        pool.putconn(found)
    raise NoFitConnection("no connection of the pool has a server that takes writes")


def _note_refusal(pool: Any, raw: LimitedConnection, error: psycopg.Error) -> None:
    failed_servers.note_server(error, raw.server)
    pool.refused_by = error


@contextmanager
def noting_refusal(pool: Any) -> Iterator[None]:
    """Notes at an error of waiting for the pool why it has no connection, if that is known: the
    pool itself says only that it had none to give.
    """
    try:
        yield
    except PoolTimeout as error:
        if (refused_by := getattr(pool, "refused_by", None)) is not None:
            failed_servers.note_earlier(error, [refused_by])
        raise


def is_distrusted(raw: LimitedConnection, pool: Any) -> bool:
    """Whether a server of this pool was found to hang since this connection was checked."""
    return raw.answered_at < float(getattr(pool, "hung_at", 0.0))


def _answers(raw: LimitedConnection, database: Any) -> bool:
    """Whether the server answers within the time that a request waits for a connection."""
    asked_at = monotonic()
    if is_distrusted(raw, database.pool):
        return False
    try:
        with raw.limited_to(database.pool.timeout):
            raw.execute("SELECT 1", prepare=False)
    except ServerHangs as error:
        database.pool.hung_at = asked_at
        _note_refusal(database.pool, raw, error)
        return False
    except psycopg.Error:
        return False
    raw.answered_at = monotonic()
    return True
