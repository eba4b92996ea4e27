"""Runs a recipe in a database that exists only for this run.

Such a recipe creates extensions and tables, and may run statements that are not possible in a
transaction. On the embedded server a superuser creates the database. On other servers, the recipe
cannot run, and its page shows a stored result: see `stored.py`.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.utils import ConnectionHandler

from cookbook.practice.role import LOCK_SECONDS, SECONDS
from ledger.db.queries.work import QueryLog, RecordedQuery
from ledger.db.server.embedded import EmbeddedServerError, embedded_server

NO_SUPERUSER = (
    "This recipe creates a database and runs as a superuser, which only Ledger's embedded server "
    "permits."
)
NOT_LOADED = (
    "This recipe needs the library {}, which the running server has not loaded. If it is the "
    "embedded server, make stop ends it, and the next start loads the library."
)
LOADED = "SELECT current_setting('shared_preload_libraries')"
SETTINGS = {
    "statement_timeout": f"{int(SECONDS * 1000)}ms",
    "lock_timeout": f"{int(LOCK_SECONDS * 1000)}ms",
    "jit": "off",
    # The counters would stay after the end of the database.
    "pg_stat_statements.track": "none",
}


class NoOwnDatabase(Exception):
    """Raised if a recipe cannot run in a throw-away database. The message is the reason."""


def run_in_own_database(work: Callable[[], None], *, preload: str) -> None:
    """Calls `work` in a new thread. In this thread, the default connection of Django is a
    connection to a new database. `preload` is a library that the server must have loaded at its
    start, or "".

    Raises: NoOwnDatabase if there is no embedded server, if the server cannot create the database,
    or if the server has not loaded the library.
    """
    server = embedded_server()
    if server is None:
        raise NoOwnDatabase(NO_SUPERUSER)
    with ExitStack() as stack:
        try:
            place = stack.enter_context(server.throwaway_database())
        except EmbeddedServerError as error:
            raise NoOwnDatabase(NO_SUPERUSER) from error
        thread = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="cookbook-database"))
        thread.submit(_in_thread, place, work, preload).result()


def _in_thread(place: dict[str, str], work: Callable[[], None], preload: str) -> None:
    with _default_connection(place) as database:
        with database.cursor() as cursor:
            cursor.execute(LOADED)
            (loaded,) = cursor.fetchone()
        if preload not in ("", *loaded.split(",")):
            raise NoOwnDatabase(NOT_LOADED.format(preload))
        work()


@contextmanager
def _default_connection(place: dict[str, str]) -> Iterator[Any]:
    """Replaces the default connection of this thread.

    The connection also has its own alias, because Django stores the ids of the types of hstore and
    citext by alias, and the ids differ between databases.
    """
    options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
    settings = {
        **place,
        "ENGINE": "ledger.db.backend",
        "OPTIONS": {"options": options},
    }
    database: Any = ConnectionHandler({DEFAULT_DB_ALIAS: settings}).create_connection(
        DEFAULT_DB_ALIAS
    )
    database.alias = place["NAME"]
    for alias in (DEFAULT_DB_ALIAS, database.alias):
        connections[alias] = database
    try:
        yield database
    finally:
        database.close()
        for alias in (DEFAULT_DB_ALIAS, database.alias):
            del connections[alias]


@contextmanager
def commands_recorded(work: QueryLog) -> Iterator[None]:
    """Records each BEGIN, COMMIT and ROLLBACK of this thread's connection in the `with` block."""
    database: Any = connections[DEFAULT_DB_ALIAS]

    def record(command: str, send: Callable[[], None]) -> None:
        started = time.perf_counter()
        send()
        took = time.perf_counter() - started
        work.queries.append(RecordedQuery(command, took, command))

    database.transaction_wrapper = record
    try:
        yield
    finally:
        database.transaction_wrapper = None
