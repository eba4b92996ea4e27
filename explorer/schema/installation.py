"""Creates the explorer's views in the database, and removes them before a migration.

The views are not created in migrations, because a view prevents changes to the columns that it
reads.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper

from explorer.schema.functions import RULES, SCHEMA, TABLES, names, statements
from explorer.schema.views import VIEWS, ExplorerView
from ledger.db.locking.short_waits import with_short_waits
from ledger.db.secret_key.signing_keys import derived_keys, store_pads

PURPOSE = b"ledger explorer"  # the purpose for which the keys are derived


def keys() -> list[bytes]:
    """Returns the keys for tokens. The first key is used for signing."""
    return derived_keys(PURPOSE)


def apply() -> bool:
    """Creates the views and grants the rights to them. Returns whether the views were recreated.

    The owner of the tables runs this function. Rights and keys are written each time, because a
    restored backup has no rights, and SECRET_KEY may have changed. If the explorer's role does not
    exist, the views are created and no role may read them. See Note [Short waits].
    """
    return with_short_waits(_apply)


def _apply() -> bool:
    with connection.cursor() as cursor:
        wanted = _digest()
        is_new = _installed(cursor) != wanted
        if is_new:
            _remove(cursor)
            for statement in (TABLES, *statements(), *_view_statements()):
                cursor.execute(statement)
            cursor.execute(f"COMMENT ON SCHEMA {SCHEMA} IS '{wanted}'")
        store_pads(cursor, f"{RULES}.keys", keys())
        _grant(cursor)
    return is_new


def lift_before_migration(*, plan: Sequence[tuple[Any, bool]], **_signal: Any) -> None:
    """Removes the views before migrations, because views prevent changes of the columns that they
    read.
    """

    def lift() -> None:
        with connection.cursor() as cursor:
            _remove(cursor)

    if plan:
        with_short_waits(lift)


def is_installed() -> bool:
    """Returns whether the views in the database are the views of this version."""
    with connection.cursor() as cursor:
        return _installed(cursor) == _digest()


def _view_statements() -> list[str]:
    return [sql for view in VIEWS for sql in (view.sql, *_comments(view))]


def _comments(view: ExplorerView) -> list[str]:
    place = f"{SCHEMA}.{view.name}"
    return [
        f"COMMENT ON VIEW {place} IS {_quoted(view.about)}",
        *(
            f"COMMENT ON COLUMN {place}.{column.name} IS {_quoted(column.about)}"
            for column in view.columns
        ),
    ]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _digest() -> str:
    parts = [TABLES, *statements(), *_view_statements()]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def _installed(cursor: CursorWrapper) -> str | None:
    cursor.execute(
        "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s", [SCHEMA]
    )
    row = cursor.fetchone()
    return row[0] if row else None


def _remove(cursor: CursorWrapper) -> None:
    cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA}, {RULES} CASCADE")


def _grant(cursor: CursorWrapper) -> None:
    """Grants the explorer's role SELECT on the views and EXECUTE on its functions. Grants nothing
    to other roles.
    """
    role = settings.LEDGER_EXPLORER_ROLE
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
    if cursor.fetchone() is None:
        return
    to = connection.ops.quote_name(role)
    cursor.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {to}")
    cursor.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {to}")
    for function in names():
        cursor.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {to}")
