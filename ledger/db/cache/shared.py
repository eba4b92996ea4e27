"""A cache in a database table that all processes share."""

import pickle
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.db import DatabaseCache
from django.core.signing import BadSignature, Signer
from django.db import DatabaseError, connections, router
from django.db import transaction as db_transaction
from django.utils import timezone

# Each write counts the rows. This takes 0.2 ms for this number of rows, and 15 ms for ten times as
# many.
MAX_ENTRIES = 10_000
# Patterns for keys of django-allauth: counters of limits, and values that may be accepted only
# once.
SIGN_IN_KEYS = ["%:allauth%", "%:jwt:%"]
NEVER = datetime(9999, 12, 30, tzinfo=UTC)


class _Pickle:
    """A serializer for a Signer. Converts values to bytes and back."""

    def dumps(self, value: Any) -> bytes:
        return pickle.dumps(value)

    def loads(self, data: bytes) -> Any:
        return pickle.loads(data)  # noqa: S301  the signature was checked


def signed(key: str, value: Any) -> str:
    """Returns the pickled value as text with a signature. The signature covers the value and the
    key.
    """
    return Signer(salt=key).sign_object(value, _Pickle)


def unsigned(key: str, text: str, default: Any = None) -> Any:
    """Returns the value in a signed text. Returns `default` if the signature is not valid for this
    key.
    """
    try:
        return Signer(salt=key).unsign_object(text, _Pickle)
    except BadSignature:
        return default


class SharedCache(DatabaseCache):
    """Django's cache in a database table, with three differences.

    Values are signed together with their keys, and entries without a valid signature are ignored.
    Django unpickles everything in the table, so without signatures an attacker who can write to the
    table could run code in a web process.

    Each write is one SQL statement, so writes cannot race.

    A full cache keeps the used authenticator codes, and the counters of limits whose time window is
    still open. Django would delete a third of all entries, so an attacker with many IP addresses
    could reset everybody's counters.
    """

    def __init__(self, table: str, params: dict[str, Any]) -> None:
        super().__init__(table, {"max_entries": MAX_ENTRIES, **params})
        self._quoted = f'"{table}"'

    def get_many(self, keys: Iterable[str], version: int | None = None) -> dict[str, Any]:
        """Returns the values of these keys. The result does not contain missing keys."""
        wanted = {self.make_and_validate_key(key, version=version): key for key in keys}
        sql = f"SELECT cache_key, value FROM {self._quoted}"  # noqa: S608
        with connections[router.db_for_read(self.cache_model_class)].cursor() as cursor:
            cursor.execute(
                f"{sql} WHERE cache_key = ANY(%s) AND expires > %s", [[*wanted], timezone.now()]
            )
            rows = cursor.fetchall()
        nothing = object()
        found = {wanted[key]: unsigned(key, text, nothing) for key, text in rows}
        return {key: value for key, value in found.items() if value is not nothing}

    def _base_set(self, mode: str, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT) -> bool:
        """Writes an entry and returns whether the entry was written. `mode` is "set", "add" or
        "touch".

        If the database refuses the write, for example in a read-only transaction, "set" and "touch"
        return False, but "add" raises DatabaseError. For "add", False would mean that the key
        exists, for example that a code was already used.
        """
        seconds, now = self.get_backend_timeout(timeout), timezone.now()
        expires = NEVER if seconds is None else datetime.fromtimestamp(seconds, tz=UTC)
        text = signed(key, value)
        database = router.db_for_write(self.cache_model_class)
        try:
            with (
                db_transaction.atomic(using=database),
                connections[database].cursor() as cursor,
            ):
                if mode == "touch":
                    sql = f"UPDATE {self._quoted} SET expires = %s"  # noqa: S608
                    cursor.execute(
                        f"{sql} WHERE cache_key = %s AND expires > %s", [expires, key, now]
                    )
                    return bool(cursor.rowcount)
                self._drop_some_if_full(cursor)
                is_set = mode == "set"
                sql = f"""INSERT INTO {self._quoted} AS entry (cache_key, value, expires)
                    VALUES (%s, %s, %s) ON CONFLICT (cache_key) DO UPDATE
                    SET value = EXCLUDED.value, expires = EXCLUDED.expires
                    WHERE %s OR entry.expires <= %s"""  # noqa: S608
                cursor.execute(sql, [key, text, expires, is_set, now])
                return bool(cursor.rowcount)
        except DatabaseError:
            if mode == "add":
                raise
            return False

    def drop_expired(self) -> int:
        """Deletes the expired entries and returns their number."""
        with connections[router.db_for_write(self.cache_model_class)].cursor() as cursor:
            cursor.execute(f"DELETE FROM {self._quoted} WHERE expires < %s", [timezone.now()])  # noqa: S608
            return int(cursor.rowcount)

    def _drop_some_if_full(self, cursor: Any) -> None:
        """Deletes the expired entries if the cache is full. If the cache is still full, also
        deletes all entries that do not belong to sign-in, such as results of reports.
        """
        cursor.execute(f"SELECT count(*) FROM {self._quoted}")  # noqa: S608
        (number,) = cursor.fetchone()
        if number <= self._max_entries:
            return
        if number - self.drop_expired() > self._max_entries:
            sql = f"DELETE FROM {self._quoted} WHERE cache_key NOT LIKE ALL (%s)"  # noqa: S608
            cursor.execute(sql, [SIGN_IN_KEYS])
