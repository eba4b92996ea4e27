"""Checks the extensions that Ledger requires. Runs in `migrate`, and in `check` without options or
with `--database default`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from django.conf import settings
from django.core.checks import CheckMessage
from django.db import DEFAULT_DB_ALIAS, OperationalError

from ledger.checks.messages import wrong
from ledger.db.extensions import MIGRATION, missing_extensions
from ledger.db.outages.probe import applied_migrations, short_connection

SECONDS = 5


def check_extensions(
    *, databases: Sequence[str] | None = None, **_options: Any
) -> list[CheckMessage]:
    """Returns messages about missing extensions. Returns no messages if the database cannot be
    reached, because the command itself reports this problem.
    """
    if DEFAULT_DB_ALIAS not in (databases or ()):
        return []
    try:
        with short_connection(SECONDS) as found:
            return list(extensions(found))
    except OperationalError:
        return []


def extensions(found: psycopg.Connection[Any]) -> Iterator[CheckMessage]:
    """Yields a message for each extension that is missing or in the wrong schema."""
    migrated = MIGRATION in applied_migrations(found)
    for what, do in missing_extensions(found, migrated=migrated, embedded=settings.LEDGER_EMBEDDED):
        yield wrong("extension", what, do)
