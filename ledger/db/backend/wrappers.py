"""Django's cursor wrappers, which also convert errors from closing a cursor and trace COPY."""

from contextlib import AbstractContextManager, suppress
from typing import Any

from django.db import Error
from django.db.backends import utils


class TranslatesClose:
    """A mixin for cursor wrappers that converts errors from closing a cursor to Django errors.

    Closing a server-side cursor sends a SQL statement, which fails if the connection was lost.
    Django does not convert this error, so there would be no retry and no error page.
    """

    cursor: Any
    db: Any

    def close(self) -> None:
        with self.db.wrap_database_errors:
            self.cursor.close()

    def copy(self, statement: Any, *args: Any, **options: Any) -> AbstractContextManager[Any]:
        """Returns psycopg's context manager for COPY. If tracing is on, a span surrounds the
        COPY.
        """
        copies: AbstractContextManager[Any] = self.cursor.copy(statement, *args, **options)
        spans = self.db.spans
        return copies if spans is None else spans.copying(self, statement, copies)

    def __exit__(self, *_error: object) -> None:
        # Django does the same, because the error of the block has more information.
        with suppress(Error):
            self.close()


class CursorWrapper(TranslatesClose, utils.CursorWrapper):
    pass


class CursorDebugWrapper(TranslatesClose, utils.CursorDebugWrapper):
    pass
