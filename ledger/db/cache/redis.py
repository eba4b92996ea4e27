"""A cache on a Redis server. While Redis fails, the cache uses a database table.

Note [When Redis fails]: the cache contains the counters of sign-in limits. A failure of Redis must
not stop payments or remove these limits. If Redis fails, this process uses the cache in the table
(`ledger.db.cache.shared`) for TRY_AGAIN seconds. Then the process writes a value to Redis and reads
the value again. If both succeed, the process uses Redis again. This test is necessary because a
read-only Redis would always return the same counter. A person can use up a limit once in Redis,
once in the table, and again after each restart of a Redis that has lost its data. Values that may
be accepted only once (authenticator codes, tokens of a provider) are always in the table.
"""

import logging
import time
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.cache.backends.redis import RedisCache
from django.utils.crypto import salted_hmac

from ledger.db.cache.shared import SharedCache, signed, unsigned

logger = logging.getLogger("ledger.cache")

SECONDS = 1  # time limit for connecting to Redis, and for each answer
TRY_AGAIN = 5  # seconds after a failure in which Redis is not used
# Prefixes of django-allauth's keys for values that may be accepted only once.
ONLY_ONCE = ("allauth.mfa.", "jwt:")
TABLE = "cache"
# The time until which this process uses the table, as a value of time.monotonic(). The key is the
# address of the Redis server that failed. All threads use the same dict.
AWAY_UNTIL: dict[str, float] = {}


class SignedText:
    """A serializer that only encodes a value as UTF-8. SignedRedis has already converted the value
    to a signed text. Django's own serializer would pickle the value.
    """

    def dumps(self, value: str) -> bytes:
        return value.encode()

    def loads(self, data: bytes) -> str:
        return data.decode(errors="replace")


class SignedRedis(RedisCache):
    """Django's Redis cache with signed values and hashed keys. A person who can read Redis finds no
    email addresses or IP addresses. A person who can write to Redis cannot run code in a web
    process.
    """

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        options = {
            "serializer": SignedText,
            "socket_connect_timeout": SECONDS,
            "socket_timeout": SECONDS,
            # Each retry would wait for a silent Redis again. If Redis has closed an idle
            # connection, the pool opens a new connection before it sends the command.
            "retry": Retry(NoBackoff(), 0),
        }
        super().__init__(location, {**params, "OPTIONS": {**params.get("OPTIONS", {}), **options}})

    def make_key(self, key: str, version: int | None = None) -> str:
        full = super().make_key(key, version)
        return salted_hmac("ledger.cache", full, algorithm="sha256").hexdigest()

    def add(
        self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        return super().add(key, signed(self.make_key(key, version), value), timeout, version)

    def set(
        self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> None:
        super().set(key, signed(self.make_key(key, version), value), timeout, version)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        text = super().get(key, None, version)
        return default if text is None else unsigned(self.make_key(key, version), text, default)


class RedisOrTable(BaseCache):
    """A cache that uses a Redis server, or a database table while Redis fails: see Note [When Redis
    fails].
    """

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._location = location
        self._table = SharedCache(TABLE, {})
        self._redis = SignedRedis(location, params)

    @property
    def is_away(self) -> bool:
        """Whether Redis has failed and this process uses the table."""
        return self._location in AWAY_UNTIL

    def add(self, key: str, *args: Any, **options: Any) -> bool:
        return bool(self._do("add", key, *args, **options))

    def get(self, key: str, *args: Any, **options: Any) -> Any:
        return self._do("get", key, *args, **options)

    def set(self, key: str, *args: Any, **options: Any) -> None:
        self._do("set", key, *args, **options)

    def touch(self, key: str, *args: Any, **options: Any) -> bool:
        return bool(self._do("touch", key, *args, **options))

    def delete(self, key: str, *args: Any, **options: Any) -> bool:
        return bool(self._do("delete", key, *args, **options))

    def get_many(self, keys: Iterable[str], version: int | None = None) -> dict[str, Any]:
        nothing = object()
        found = {key: self.get(key, nothing, version) for key in keys}
        return {key: value for key, value in found.items() if value is not nothing}

    def clear(self) -> None:
        """Deletes all entries from the database table and from Redis."""
        self._table.clear()
        self._redis.clear()

    def close(self, **_kwargs: Any) -> None:
        self._redis.close()

    def drop_expired(self) -> int:
        """Deletes the expired entries from the database table and returns their number. Redis
        deletes expired entries itself.
        """
        return self._table.drop_expired()

    def _do(self, name: str, key: str, *args: Any, **options: Any) -> Any:
        """Calls the method `name` of the Redis cache and returns its result. Calls the same method
        of the cache in the table while Redis fails, and always for keys that begin with a prefix in
        ONLY_ONCE.
        """
        if not key.startswith(ONLY_ONCE) and time.monotonic() >= AWAY_UNTIL.get(self._location, 0):
            try:
                if self.is_away:
                    self._prove()
                return getattr(self._redis, name)(key, *args, **options)
            except Exception as error:  # noqa: BLE001  a wrong answer can cause any error
                self._note(type(error).__name__)
        return getattr(self._table, name)(key, *args, **options)

    def _prove(self) -> None:
        """Writes a value to Redis and reads the value again. Raises an exception if this fails."""
        key, value = f"proof:{uuid4().hex}", uuid4().hex
        self._redis.set(key, value, TRY_AGAIN)
        if self._redis.get(key) != value:
            raise ConnectionError("Redis does not return the value that was stored.")
        if AWAY_UNTIL.pop(self._location, None):
            logger.warning("Redis works again.")

    def _note(self, why: str) -> None:
        was_away = self.is_away
        AWAY_UNTIL[self._location] = time.monotonic() + TRY_AGAIN
        if not was_away:
            logger.warning(
                "Redis fails (%s): limits are counted in the database until it works.", why
            )
