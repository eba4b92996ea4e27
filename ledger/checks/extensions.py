"""The extensions that Ledger requires: by `check`, with `--database default` or without options,
and by `migrate`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from django.conf import settings
from django.core.checks import CheckMessage
from django.db import DEFAULT_DB_ALIAS, OperationalError

from ledger.checks.messages import wrong
from ledger.db import own_server
from ledger.db.extensions import MIGRATION, lacking
from ledger.db.placement import EmbeddedServerError
from ledger.db.probe import applied_migrations, short_connection

SECONDS = 5
SECONDS_OF_A_PLAIN_CHECK = 2  # the least that psycopg waits


def check_extensions(
    *, databases: Sequence[str] | None = None, **_options: Any
) -> list[CheckMessage]:
    """What the database lacks."""
    return _of_default(SECONDS) if DEFAULT_DB_ALIAS in (databases or ()) else []


def check_running_database(**_options: Any) -> list[CheckMessage]:
    """The same for a plain `check`, which does not start the embedded server."""
    if settings.LEDGER_EMBEDDED and not own_server.is_running():
        return []
    return _of_default(SECONDS_OF_A_PLAIN_CHECK)


def _of_default(seconds: int) -> list[CheckMessage]:
    """Nothing of a database that cannot be reached, because the command that needs it will tell."""
    try:
        with short_connection(seconds) as found:
            return list(extensions(found))
    except (OperationalError, EmbeddedServerError):
        return []


def extensions(found: psycopg.Connection[Any]) -> Iterator[CheckMessage]:
    """Extensions that are missing, or in another schema."""
    migrated = MIGRATION in applied_migrations(found)
    for what, do in lacking(found, migrated=migrated, embedded=settings.LEDGER_EMBEDDED):
        yield wrong("extension", what, do)
