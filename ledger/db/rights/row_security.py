"""Signed tokens that tell Postgres for whom a statement runs.

Note [Signed reader]: a policy of row-level security has to know the person. A setting alone could
be forged by injected SQL, so the setting holds a token: the person, what they may read, until when,
and an HMAC-SHA256 over these. Its key is derived from SECRET_KEY; the owner of the tables stores it
where the web role cannot read it, and the policies check each token against it. A token is bound to
no connection and ends with its database transaction, so it works behind a transaction pooler. It is
sent as a bound value, so that `pg_stat_activity` shows it to nobody.
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
LIFETIME = 300  # seconds: longer than a statement may run, with room for clocks that differ
RENEWED_BEFORE = 120  # seconds before a token ends
ROWS_AT_ONCE = 500
PREPARE = "run manage.py prepare with the same settings."
WORKS = "works"  # the policy by which the worker has every row
NOBODY = UUID(int=0)  # in the tokens of requests whose person is not known


class RowScope(IntEnum):
    """What a token lets its statements read and write; a higher one contains those below it, but
    SIGN_IN.
    """

    SIGN_IN = 0  # people, their addresses, factors and sessions; also one's own rows, if known
    OWN = 1  # one's own rows, and the accounts one has paid or been paid by
    DIRECTORY = 2  # also every account, to look up a recipient
    POSTING = 3  # also lock every account
    BANK = 4  # read every row but notes of others and how they sign in
    STAFF = 5  # also write what the person's groups may
    AUDIT = 6  # also read notes of others and how they sign in, while an audit runs


def keys() -> list[bytes]:
    """The keys of tokens, the one that signs first."""
    return derived_keys(b"ledger row security")


def signed(person: UUID, scope: RowScope, expires: int, key: bytes) -> str:
    """The token of a person until `expires`, in seconds since 1970."""
    message = f"{person} {scope.value} {expires}"
    return f"{message} {hmac.digest(key, message.encode(), 'sha256').hex()}"


class SignedReader:
    """For whom a connection's statements run: the user of a request, once they are signed in.

    `user` returns them, or None; it must not send queries. Until they are known, and on pages that
    look up others by address (`finds_others`), statements find people. `scope_of` says what all
    requests of a person may read, and `raised_to` what this one may read besides.
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
        """The token for the next statement."""
        user = self._user()
        if user is None:
            raised = self.raised_to > RowScope.OWN  # by a page for everybody, see `reading`
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
    """Lets the statements inside read as `scope`. Does nothing where row-level security is off."""
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
    """Runs the statements inside for nobody, in tables that have no policies."""
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
    """Lets the rest of the request read every row. Call it after checking that the person may."""
    reader: SignedReader | None = getattr(connections[DEFAULT_DB_ALIAS], "reader", None)
    if reader is not None:
        reader.raised_to = max(reader.raised_to, RowScope.BANK)


def problem_with(found: psycopg.Connection) -> str | None:
    """Why pages would show nothing through this connection; None if they show what they should."""
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
    return f"The database does not know the key of row-level security: {PREPARE}"


def rows_are_secured() -> bool:
    """Whether statements of the current request go through policies."""
    return getattr(connections[DEFAULT_DB_ALIAS], "reader", None) is not None


def write_rows(
    cursor: Any, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Inserts rows by INSERT, many at a time: COPY refuses tables with row-level security."""
    row = "(" + ", ".join(["%s"] * len(columns)) + ")"
    into = f"INSERT INTO {table} ({', '.join(columns)}) VALUES "  # noqa: S608 - constants
    rest = iter(rows)
    while part := list(islice(rest, ROWS_AT_ONCE)):
        values = [value for one in part for value in one]
        cursor.execute(into + ", ".join([row] * len(part)), values)
