"""Django's cursor wrappers. They also translate errors of closing a cursor, and trace COPY if
tracing is on.
"""

from contextlib import AbstractContextManager, suppress
from typing import Any

from django.db import Error
from django.db.backends import utils


class TranslatesClose:
    """A cursor wrapper that translates errors of closing a cursor.

    A server-side cursor is closed by a statement, which fails if the connection was lost. Django
    passes this error on as psycopg's own, for which there is neither a retry nor an error page.
    """

    cursor: Any
    db: Any

    def close(self) -> None:
        with self.db.wrap_database_errors:
            self.cursor.close()

    def copy(self, statement: Any, *args: Any, **options: Any) -> AbstractContextManager[Any]:
        """Returns psycopg's own COPY context, which Django's wrapper passes on. It is traced if
        tracing is on.
        """
        copies: AbstractContextManager[Any] = self.cursor.copy(statement, *args, **options)
        spans = self.db.spans
        return copies if spans is None else spans.copying(self, statement, copies)

    def __exit__(self, *_error: object) -> None:
        with suppress(Error):  # as Django does: the error of the block has more information
            self.close()


class CursorWrapper(TranslatesClose, utils.CursorWrapper):
    pass


class CursorDebugWrapper(TranslatesClose, utils.CursorDebugWrapper):
    pass
