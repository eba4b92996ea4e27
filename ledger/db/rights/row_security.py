"""Signed tokens that show Postgres for which person a statement runs.

Note [Signed reader]: a policy of row-level security needs the person. Injected SQL could forge a
plain setting, so the setting contains a token: the person, what they may read, the time when the
token expires, and an HMAC-SHA256 over these. The key is derived from SECRET_KEY. The owner of the
tables stores it where the web role cannot read it, and the policies check each token with it. A
token is not bound to a connection and ends with its database transaction, so it works behind a
transaction pooler. It is sent as a bound value, so `pg_stat_activity` does not show it.
"""

import hmac
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections

from ledger.db.secret_key.signing_keys import derived_keys

SETTING = "ledger.reader"
LIFETIME = 300  # seconds: longer than a statement may run, plus a margin for clocks that differ
RENEWED_BEFORE = 120  # seconds before a token ends
ROWS_PER_INSERT = 500
PREPARE = "run manage.py prepare with the same settings."
WORKS = "works"  # the policy that gives the worker every row
NOBODY = UUID(int=0)  # the person in tokens of requests without an authenticated user


class RowScope(IntEnum):
    """What a token lets its statements read and write. A higher scope includes the lower ones,
    except SIGN_IN.
    """

    # people, their addresses, factors and sessions; and the person's own rows, if known
    SIGN_IN = 0
    OWN = 1  # the person's own rows, and accounts that paid the person or were paid by them
    DIRECTORY = 2  # also every account, to look up a recipient
    POSTING = 3  # also lock every account
    BANK = 4  # read every row except other people's notes and how they sign in
    STAFF = 5  # also write what the person's groups may
    AUDIT = 6  # also read other people's notes and how they sign in, while an audit runs


def keys() -> list[bytes]:
    """Returns the keys of tokens. The first key signs."""
    return derived_keys(b"ledger row security")


def signed(person: UUID, scope: RowScope, expires: int, key: bytes) -> str:
    """Returns the token of a person until `expires`, in seconds since 1970."""
    message = f"{person} {scope.value} {expires}"
    return f"{message} {hmac.digest(key, message.encode(), 'sha256').hex()}"


class SignedReader:
    """The user of a request, who determines which rows a connection's statements may read.

    `user` returns the user or None; it must not send queries. Until the user is known, and on pages
    that look up others by address (`finds_others`), statements can find people. `scope_of` returns
    what all requests of a person may read; `raised_to` is what this request may read in addition.
    """

    def __init__(
        self,
        user: Callable[[], Any],
        scope_of: Callable[[Any], RowScope],
        *,
        finds_others: Callable[[], bool] = lambda: False,
    ) -> None:
        self._user, self._scope_of, self._finds_others = user, scope_of, finds_others
        self._tokens: dict[tuple[UUID, RowScope], tuple[str, int]] = {}
        self.raised_to = RowScope.OWN

    def token(self) -> str:
        """Returns the token for the next statement."""
        user = self._user()
        if user is None:
            raised = self.raised_to > RowScope.OWN  # by a public page, see `reading`
            return self._signed(NOBODY, self.raised_to if raised else RowScope.SIGN_IN)
        if self._finds_others():
            return self._signed(user.pk, RowScope.SIGN_IN)
        return self._signed(user.pk, max(self._scope_of(user), self.raised_to))

    def _signed(self, person: UUID, scope: RowScope) -> str:
        now = int(time.time())
        token, ends = self._tokens.get((person, scope), ("", 0))
        if ends - now < RENEWED_BEFORE:
            ends = now + LIFETIME
            token = signed(person, scope, ends, keys()[0])
            self._tokens[person, scope] = token, ends
        return token


@contextmanager
def reading(scope: RowScope) -> Iterator[None]:
    """Lets the statements in the block read as `scope`. Does nothing if row-level security is
    off.
    """
    reader: SignedReader | None = getattr(connections[DEFAULT_DB_ALIAS], "reader", None)
    if reader is None:
        yield
        return
    before, reader.raised_to = reader.raised_to, max(reader.raised_to, scope)
    try:
        yield
    finally:
        reader.raised_to = before


@contextmanager
def without_reader() -> Iterator[None]:
    """Runs the statements in the block without a person, in tables that have no policies."""
    database: Any = connections[DEFAULT_DB_ALIAS]
    before = getattr(database, "reader", None)
    if before is not None:
        database.reader = None
    try:
        yield
    finally:
        if before is not None:
            database.reader = before


def read_bank() -> None:
    """Lets the rest of the request read every row. Call it only after checking that the person
    may.
    """
    reader: SignedReader | None = getattr(connections[DEFAULT_DB_ALIAS], "reader", None)
    if reader is not None:
        reader.raised_to = max(reader.raised_to, RowScope.BANK)


def problem_with(found: psycopg.Connection) -> str | None:
    """Returns why pages would show no rows through this connection, or None if they work."""
    row = found.execute("SELECT to_regnamespace('row_security') IS NOT NULL").fetchone()
    is_installed = row is not None and row[0]
    if is_installed != settings.LEDGER_ROW_SECURITY:
        here, there = ("off", "on") if is_installed else ("on", "off")
        return f"Row-level security is {there} in the database and {here} here: {PREPARE}"
    if not is_installed:
        return None
    person = uuid4()
    token = signed(person, RowScope.OWN, int(time.time()) + LIFETIME, keys()[0])
    found.execute("SELECT set_config(%s, %s, true)", [SETTING, token])
    if found.execute("SELECT row_security.person()").fetchone() == (person,):
        return None
    return f"The database does not have the key of row-level security: {PREPARE}"


def rows_are_secured() -> bool:
    """Returns whether policies apply to statements of the current request."""
    return getattr(connections[DEFAULT_DB_ALIAS], "reader", None) is not None


def write_rows(
    cursor: Any, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Inserts rows with INSERT, many per statement, because COPY refuses tables with row-level
    security.
    """
    row = "(" + ", ".join(["%s"] * len(columns)) + ")"
    into = f"INSERT INTO {table} ({', '.join(columns)}) VALUES "  # noqa: S608 - constants
    rest = iter(rows)
    while part := list(islice(rest, ROWS_PER_INSERT)):
        values = [value for row_values in part for value in row_values]
        cursor.execute(into + ", ".join([row] * len(part)), values)
