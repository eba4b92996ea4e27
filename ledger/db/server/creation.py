"""Creates databases in which texts have the same order on every system."""

from typing import Any

from django.conf import settings

from ledger.db.server.versions import HAS_BUILTIN_LOCALE

# This locale sorts in the same way on every system and in every version, so that an upgrade does
# not damage indexes.
SAME_EVERYWHERE = " LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"


def create_database(connection: Any, name: str, owner: str = "") -> None:
    """Creates an empty database from template0, through a connection to another database of the
    server.

    `owner` is the role that owns the new database. "" means the current login.
    """
    with connection._nodb_cursor() as cursor:
        version = cursor.connection.info.server_version
        locale = SAME_EVERYWHERE if version >= HAS_BUILTIN_LOCALE else ""
        quote = connection.ops.quote_name
        of = f" OWNER {quote(owner)}" if owner else ""
        cursor.execute(
            f"CREATE DATABASE {quote(name)}{of} TEMPLATE template0 ENCODING 'UTF8'{locale}"
        )


def how_to_start_over() -> str:
    """Returns a message that explains how to replace this bank with an empty bank."""
    folder = settings.LEDGER_DATA_DIR
    if settings.LEDGER_EMBEDDED and folder == settings.BASE_DIR / ".data":
        return "To start over, run make clean, which deletes .data with the embedded server."
    if settings.LEDGER_EMBEDDED:
        return f"To start over, run manage.py stop_db, and delete the folder {folder}."
    return "To start over, name a new database in DATABASE_URL or DB_NAME."
