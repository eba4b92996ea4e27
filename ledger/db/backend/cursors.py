"""The cursors of our backend: prepared ones, those that send the reader's token, and what the page
"Show the work" has of them.
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
    """Binds values on the server, and prepares each statement at its first use in a connection,
    unless `prepare_threshold` is None.
    """

    def execute(self, query: Any, params: Any = None, **options: Any) -> "PreparedCursor":
        return super().execute(query, params, **{"prepare": True, **options})


class DatabaseOperations(operations.DatabaseOperations):
    def last_executed_query(self, cursor: Any, sql: Any, params: Any) -> str:
        """The statement with its values, as the logs and the page "Show the work" have it."""
        ours = getattr(cursor, "cursor", cursor)
        if isinstance(getattr(ours, "target_cursor", ours), PreparedCursor):
            composed: str = self.compose_sql(sql, params)
            return composed
        last: str = super().last_executed_query(cursor, sql, params)
        return last


class WithCursors(base.DatabaseWrapper):
    """Django's wrapper, with these cursors."""

    ops_class = DatabaseOperations
    # For whom statements run, if policies check it: see Note [Signed reader].
    reader: SignedReader | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._token = TokenState()

    @property
    def raw(self) -> Any:
        """psycopg's own connection, None without one. What Django uses may be around it."""
        return self.target(self.connection)

    def target(self, connection: Any) -> Any:
        """psycopg's own connection in one that `open` made."""
        return connection

    def watched(self, cursor: Any) -> Any:
        """A cursor of psycopg as Django uses it."""
        return cursor

    @property
    def is_behind_pooler(self) -> bool:
        """Whether each transaction may run in another session."""
        return bool(self.settings_dict.get("LEDGER_POOLER"))

    @property
    def sends_token(self) -> bool:
        """Whether statements need the reader's token, or an older one has to be taken away."""
        return self.reader is not None or self._token.sent != ""

    def make_cursor(self, cursor: Any) -> CursorWrapper:
        return CursorWrapper(cursor, self)

    def make_debug_cursor(self, cursor: Any) -> CursorDebugWrapper:
        return CursorDebugWrapper(cursor, self)

    @async_unsafe
    def create_cursor(self, name: str | None = None) -> Any:
        if self.is_behind_pooler and not self.in_atomic_block:
            name = None  # the rows come at once: after this statement its session is another's
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
        return self._given_token(cursor)

    def _given_token(self, cursor: Any) -> Any:
        """The cursor, with what it needs to send the token."""
        cursor.state, cursor.reader = self._token, self.reader
        cursor.is_pooled = self.is_behind_pooler
        cursor.prepares = self.raw.prepare_threshold is not None
        return cursor

    def prepared_cursor(self) -> CursorWrapper:
        """A cursor for a few statements that run often: Postgres parses and plans each only once.

        Django's own cursors put the values into the text of the statement, and never prepare it.
        With `prepare_threshold` None in OPTIONS, as behind a pooler that mixes the statements of
        its clients, this cursor does not prepare either.
        """
        self.close_if_health_check_failed()
        self.ensure_connection()
        with self.wrap_database_errors:
            kind = with_reader(PreparedCursor) if self.sends_token else PreparedCursor
            cursor = kind(self.raw)
            if self.sends_token:
                cursor = self._given_token(cursor)
        wrapper: CursorWrapper = self._prepare_cursor(self.watched(cursor))  # type: ignore[attr-defined]
        return wrapper
