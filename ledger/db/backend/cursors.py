"""The cursors of Ledger's database backend. Some cursors prepare SQL statements. Some cursors send
the signed token of the user whose rows they may read (Note [Signed reader]). This module also
creates the SQL texts for the page "Show the work".
"""

from typing import Any

import psycopg
from django.db.backends.postgresql import base, operations
from django.db.backends.postgresql.psycopg_any import register_tzloader
from django.utils.asyncio import async_unsafe
from psycopg.pq import Format

from ledger.db.backend.reader_cursors import TokenState, with_reader
from ledger.db.backend.wrappers import CursorDebugWrapper, CursorWrapper
from ledger.db.rights.row_security import SignedReader


class PreparedCursor(psycopg.Cursor[Any]):
    """A cursor that sends values separately from the SQL text. The cursor prepares each SQL
    statement at its first use, unless `prepare_threshold` is None.
    """

    def execute(self, query: Any, params: Any = None, **options: Any) -> "PreparedCursor":
        return super().execute(query, params, **{"prepare": True, **options})


class DatabaseOperations(operations.DatabaseOperations):
    def last_executed_query(self, cursor: Any, sql: Any, params: Any) -> str:
        """Returns the SQL statement with its values, for logs and the page "Show the work"."""
        inner = getattr(cursor, "cursor", cursor)
        if isinstance(getattr(inner, "target_cursor", inner), PreparedCursor):
            composed: str = self.compose_sql(sql, params)
            return composed
        last: str = super().last_executed_query(cursor, sql, params)
        return last


class WithCursors(base.DatabaseWrapper):
    """Django's database wrapper with Ledger's cursors."""

    ops_class = DatabaseOperations
    # The signed-in person whose rows SQL statements may read, or None if no policies check this:
    # see Note [Signed reader].
    reader: SignedReader | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._token = TokenState()

    @property
    def raw(self) -> Any:
        """The psycopg connection, or None if there is no connection. Without AWS's driver, Django's
        attribute `connection` is the same object.
        """
        return self.target(self.connection)

    def target(self, connection: Any) -> Any:
        """Returns the psycopg connection inside a connection that `open` returned."""
        return connection

    def watched(self, cursor: Any) -> Any:
        """Returns the psycopg cursor in a wrapper for the driver. Without AWS's driver, returns the
        cursor itself.
        """
        return cursor

    @property
    def is_behind_pooler(self) -> bool:
        """Whether a pooler in transaction mode is used. Each transaction may then run in another
        session.
        """
        return bool(self.settings_dict.get("LEDGER_POOLER"))

    @property
    def sends_token(self) -> bool:
        """Whether SQL statements must send a token. The token is the token of the signed reader.
        Without a reader, it is an empty token that replaces the last token.
        """
        return self.reader is not None or self._token.sent != ""

    def make_cursor(self, cursor: Any) -> CursorWrapper:
        return CursorWrapper(cursor, self)

    def make_debug_cursor(self, cursor: Any) -> CursorDebugWrapper:
        return CursorDebugWrapper(cursor, self)

    @async_unsafe
    def create_cursor(self, name: str | None = None) -> Any:
        if self.is_behind_pooler and not self.in_atomic_block:
            # All rows are fetched immediately, because the session may serve another client after
            # this SQL statement.
            name = None
        if not self.sends_token:
            return super().create_cursor(name)
        raw = self.raw
        if name:
            kind = with_reader(base.ServerSideCursor, on_server=True)
            cursor = kind(raw, name=name, scrollable=False, withhold=raw.autocommit)
        else:
            cursor = with_reader(raw.cursor_factory)(raw)
        loader = raw.adapters.get_loader(base.TIMESTAMPTZ_OID, Format.TEXT)
        if self.timezone != loader.timezone:
            register_tzloader(self.timezone, cursor)
        return self._with_token(cursor)

    def _with_token(self, cursor: Any) -> Any:
        """Prepares the cursor for sending the token, and returns the cursor."""
        cursor.state, cursor.reader = self._token, self.reader
        cursor.is_pooled = self.is_behind_pooler
        cursor.prepares = self.raw.prepare_threshold is not None
        return cursor

    def prepared_cursor(self) -> CursorWrapper:
        """Returns a cursor for frequent SQL statements. Postgres parses and plans each of these
        statements only once.

        If `prepare_threshold` in OPTIONS is None, the cursor does not prepare statements. This
        setting is necessary behind a pooler that mixes the statements of its clients.
        """
        self.close_if_health_check_failed()
        self.ensure_connection()
        with self.wrap_database_errors:
            kind = with_reader(PreparedCursor) if self.sends_token else PreparedCursor
            cursor = kind(self.raw)
            if self.sends_token:
                cursor = self._with_token(cursor)
        wrapper: CursorWrapper = self._prepare_cursor(self.watched(cursor))  # type: ignore[attr-defined]
        return wrapper
