"""A cache on a Redis or memcached server, with the table to fall back on.

# Note [When the cache server fails]
Limits on signing in are counted in the cache, so a failure must neither stop a payment nor open a
limit. While the server does not answer, or takes no writes, this process uses the cache in the
table (`shared_cache`) instead, and tries the server again every few seconds: only one that stores
a value and returns it is used again. So a limit holds all the time, but it may be used up once in
each of the two places. What must never be accepted twice (codes of an app, tokens of a provider)
is always in the table, because there it would count.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from uuid import uuid4

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.utils.crypto import salted_hmac
from django.utils.module_loading import import_string

from ledger.db.shared_cache import SharedCache, signed, unsigned

logger = logging.getLogger("ledger.cache")

SECONDS = 1  # to connect, and to answer
TRY_AGAIN = 5  # seconds after a failure
MOST_BYTES = 900_000  # a value of memcached has at most a megabyte
ONLY_ONCE = ("allauth.mfa.", "jwt:")  # keys of django-allauth for what is accepted only once
TABLE = "cache"

Result = TypeVar("Result")


class SignedText:
    """How Redis and memcached get our values: as the signed text that they are, never pickled."""

    def dumps(self, value: str) -> bytes:
        return value.encode()

    def loads(self, data: bytes) -> str:
        return data.decode(errors="replace")

    def serialize(self, _key: str, value: str) -> tuple[bytes, int]:
        return value.encode(), 0

    def deserialize(self, _key: str, data: bytes, _flags: int) -> str:
        return data.decode(errors="replace")


class ServerState:
    """What this process knows of one cache server. All threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._try_again_at: float | None = None

    @property
    def is_away(self) -> bool:
        return self._try_again_at is not None

    def may_try(self) -> bool:
        """Whether the caller may use the server. While it is away, one caller in TRY_AGAIN
        seconds.
        """
        with self._lock:
            if self._try_again_at is None:
                return True
            if time.monotonic() < self._try_again_at:
                return False
            self._try_again_at = time.monotonic() + TRY_AGAIN
            return True

    def failed(self, error: Exception) -> None:
        with self._lock:
            was_away = self.is_away
            self._try_again_at = time.monotonic() + TRY_AGAIN
        if not was_away:
            logger.warning(
                "The cache server fails (%s): limits are counted in the database until it works.",
                type(error).__name__,
            )

    def answers(self) -> None:
        with self._lock:
            was_away, self._try_again_at = self.is_away, None
        if was_away:
            logger.warning("The cache server works again.")


STATES: dict[str, ServerState] = {}


class OutsideCache(BaseCache):
    """Django's cache on a server. See Note [When the cache server fails].

    `BACKEND_OF_SERVER` in its settings is Django's backend for the server. Values are signed
    together with their keys, and keys are hashed, so that whoever reads or writes on the server
    finds no address there and puts no code into a web process.
    """

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._table = SharedCache(TABLE, {})
        self._state = STATES.setdefault(location, ServerState())
        options = {**params.get("OPTIONS", {}), **_options_of(params["BACKEND_OF_SERVER"])}
        backend = import_string(params["BACKEND_OF_SERVER"])
        self._server: BaseCache = backend(location, {"OPTIONS": options})

    @property
    def is_away(self) -> bool:
        """Whether this process counts in the table now."""
        return self._state.is_away

    def add(
        self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        full = self._key_of(key, version)
        text, seconds = signed(full, value), self._seconds(timeout)
        return self._at(
            key,
            lambda server: bool(server.add(full, text, seconds)),
            lambda table: table.add(key, value, timeout, version),
        )

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        full = self._key_of(key, version)

        def read(server: BaseCache) -> Any:
            text = server.get(full)
            return default if text is None else unsigned(full, text, default)

        return self._at(key, read, lambda table: table.get(key, default, version))

    def set(
        self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> None:
        full = self._key_of(key, version)
        text, seconds = signed(full, value), self._seconds(timeout)
        if len(text) > MOST_BYTES:
            self.delete(key, version)
            return
        self._at(
            key,
            lambda server: server.set(full, text, seconds),
            lambda table: table.set(key, value, timeout, version),
        )

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        full, seconds = self._key_of(key, version), self._seconds(timeout)
        return self._at(
            key,
            lambda server: bool(server.touch(full, seconds)),
            lambda table: bool(table.touch(key, timeout, version)),
        )

    def delete(self, key: str, version: int | None = None) -> bool:
        full = self._key_of(key, version)
        return self._at(
            key,
            lambda server: bool(server.delete(full)),
            lambda table: bool(table.delete(key, version)),
        )

    def get_many(self, keys: Iterable[str], version: int | None = None) -> dict[str, Any]:
        missing = object()
        found = {key: self.get(key, missing, version) for key in keys}
        return {key: value for key, value in found.items() if value is not missing}

    def clear(self) -> None:
        """Empties both places."""
        self._table.clear()
        self._at("", lambda server: server.clear(), lambda _table: None)

    def close(self, **_kwargs: Any) -> None:
        self._server.close()

    def drop_expired(self) -> int:
        """Deletes what has expired in the table; servers forget by themselves. Returns how many."""
        return self._table.drop_expired()

    def _at(
        self,
        key: str,
        at_server: Callable[[BaseCache], Result],
        at_table: Callable[[SharedCache], Result],
    ) -> Result:
        """Does it at the server, or at the table where the server fails."""
        if key.startswith(ONLY_ONCE) or not self._state.may_try():
            return at_table(self._table)
        try:
            if self._state.is_away:
                self._prove()
            return at_server(self._server)
        except Exception as error:  # noqa: BLE001  of whichever client library; see the note
            self._state.failed(error)
            return at_table(self._table)

    def _prove(self) -> None:
        """Raises an exception unless the server stores a value and returns it."""
        key, text = f"proof:{uuid4().hex}", uuid4().hex
        self._server.set(key, text, TRY_AGAIN)
        if self._server.get(key) != text:
            raise ConnectionError("it does not return what it was given")
        self._state.answers()

    def _key_of(self, key: str, version: int | None) -> str:
        full = self.make_key(key, version)
        return salted_hmac("ledger.cache", full, algorithm="sha256").hexdigest()

    def _seconds(self, timeout: Any) -> Any:
        return self.default_timeout if timeout == DEFAULT_TIMEOUT else timeout


def _options_of(backend: str) -> dict[str, Any]:
    """What the client of the server has to know."""
    if backend.endswith("RedisCache"):
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        return {
            "serializer": SignedText,
            "socket_connect_timeout": SECONDS,
            "socket_timeout": SECONDS,
            "retry": Retry(NoBackoff(), 1),  # a connection that the server closed while idle
        }
    return {
        "serde": SignedText(),
        "connect_timeout": SECONDS,
        "timeout": SECONDS,
        "no_delay": True,
    }
