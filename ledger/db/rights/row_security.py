"""Creates signed tokens that prove to Postgres which person sends a SQL statement.

Note [Signed reader]: a policy of row-level security must know the person. Injected SQL could change
a plain setting, so the setting contains a signed token: the person, the scope (what the person may
read), the expiry time, and an HMAC-SHA256 of these values. The key is derived from SECRET_KEY. The
owner of the tables stores the key where the web role cannot read it, and the policies check each
token with the key. A token is valid until the end of its database transaction, so it also works
behind a transaction pooler. The token is sent as a bound value, so `pg_stat_activity` does not show
it.
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
# Seconds: longer than the longest SQL statement, plus a margin because clocks may differ.
LIFETIME = 300
RENEWED_BEFORE = 120  # seconds before a token expires
ROWS_PER_INSERT = 500
PREPARE = "run manage.py prepare with the same settings."
WORKS = "works"  # the name of the policy that lets the worker read every row
NOBODY = UUID(int=0)  # the person id in tokens for requests without a signed-in user


class RowScope(IntEnum):
    """The scope of a token, which determines the rows that a SQL statement may read and write. A
    higher scope includes all lower scopes, but no scope includes SIGN_IN.
    """

    # people with their addresses, factors and sessions; if the person is known, also the person's
    # rows
    SIGN_IN = 0
    OWN = 1  # the person's rows, and accounts that paid the person or were paid by the person
    DIRECTORY = 2  # also every account, to find a recipient
    POSTING = 3  # also lock all accounts
    BANK = 4  # read all rows, except notes of other people and how other people sign in
    STAFF = 5  # also write what the person's groups allow
    AUDIT = 6  # also read notes of other people and how they sign in; only while an audit runs


def keys() -> list[bytes]:
    """Returns the keys for tokens. The first key signs new tokens. Signatures with any of the keys
    are valid.
    """
    return derived_keys(b"ledger row security")


def signed(person: UUID, scope: RowScope, expires: int, key: bytes) -> str:
    """Returns a signed token for a person and a scope. `expires` is in seconds since 1970."""
    message = f"{person} {scope.value} {expires}"
    return f"{message} {hmac.digest(key, message.encode(), 'sha256').hex()}"


class SignedReader:
    """The user of a request, who determines which rows the SQL statements may read.

    `user` returns the user or None, and must not send queries. `raised_to` is a higher scope for
    this request only. The scope of a token is found as follows:

    - If the user is not known, the scope is `raised_to`, or SIGN_IN if the scope was not raised.
    - On pages that find other people by email address (`finds_others`), the scope is SIGN_IN.
    - Otherwise the scope is the higher one of `raised_to` and the result of `scope_of` for the
      user.
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
        """Returns the token for the next SQL statement."""
        user = self._user()
        if user is None:
            raised = self.raised_to > RowScope.OWN  # a public page called `reading`
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
    """Raises the scope of the SQL statements inside the block to `scope`. Does nothing if row-level
    security is off.
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
    """Sends no token of the user with the SQL statements inside the block. Use this only for tables
    without policies of row-level security.
    """
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
    """Allows the rest of the request to read all rows of the bank. Before the call, check that the
    user may read all rows.
    """
    reader: SignedReader | None = getattr(connections[DEFAULT_DB_ALIAS], "reader", None)
    if reader is not None:
        reader.raised_to = max(reader.raised_to, RowScope.BANK)


def read_every_row(found: psycopg.Connection[Any], scope: RowScope = RowScope.STAFF) -> None:
    """Allows the open transaction to read all rows if row-level security is on.

    The transaction gets a token without a user, for the scope `scope`. With the default scope, the
    transaction can read what staff may read. It cannot write.
    """
    if settings.LEDGER_ROW_SECURITY:
        token = signed(NOBODY, scope, int(time.time()) + LIFETIME, keys()[0])
        found.execute("SELECT set_config(%s, %s, true)", [SETTING, token])


def problem_with(found: psycopg.Connection) -> str | None:
    """Returns the reason why row-level security does not work on this connection, or None if it
    works.
    """
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
    """Returns whether row-level security limits the SQL statements of the current request."""
    return getattr(connections[DEFAULT_DB_ALIAS], "reader", None) is not None


def write_rows(
    cursor: Any, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Inserts rows with INSERT, up to ROWS_PER_INSERT per SQL statement. COPY is not possible for
    tables with row-level security.
    """
    row = "(" + ", ".join(["%s"] * len(columns)) + ")"
    into = f"INSERT INTO {table} ({', '.join(columns)}) VALUES "  # noqa: S608 - constants
    rest = iter(rows)
    while part := list(islice(rest, ROWS_PER_INSERT)):
        values = [value for row_values in part for value in row_values]
        cursor.execute(into + ", ".join([row] * len(part)), values)
