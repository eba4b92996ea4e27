"""Django's wrappers of cursors. They also translate the errors of closing one, and have COPY traced
where tracing is on.
"""

from contextlib import AbstractContextManager, suppress
from typing import Any

from django.db import Error
from django.db.backends import utils


class TranslatesClose:
    """A cursor on the server is closed by a statement, which fails if the connection was lost.
    Django lets that error through as psycopg's own, which nobody runs again nor shows a page for.
    """

    cursor: Any
    db: Any

    def close(self) -> None:
        with self.db.wrap_database_errors:
            self.cursor.close()

    def copy(self, statement: Any, *args: Any, **options: Any) -> AbstractContextManager[Any]:
        """psycopg's own, which Django's wrapper passes on."""
        copies: AbstractContextManager[Any] = self.cursor.copy(statement, *args, **options)
        spans = self.db.spans
        return copies if spans is None else spans.copying(self, statement, copies)

    def __exit__(self, *_error: object) -> None:
        with suppress(Error):  # as Django does: what happened in the block tells more
            self.close()


class CursorWrapper(TranslatesClose, utils.CursorWrapper):
    pass


class CursorDebugWrapper(TranslatesClose, utils.CursorDebugWrapper):
    pass
