"""Whether the practice bank is there and belongs to this code, and what to do if it does not."""

import hashlib
from datetime import UTC, datetime

from django.apps import apps
from django.db import connection

from ledger.db.outages.probe import known_migrations

SCHEMA = "practice"
SCRATCH = tuple(f"practice_scratch_{number}" for number in range(1, 5))
# The content of the practice bank; a change makes every practice bank again.
USERS, MONTHS, SEED = 24, 12, 1
ENDS = datetime(2026, 6, 30, 23, 59, 59, tzinfo=UTC)
EDITION = 6
BUILDING = 7_205_759_403_792_793  # the advisory lock of the builder

NO_RIGHT = "42501"
NOT_GRANTED = (
    "The cookbook works as the role {}, which this process may not use: docs/rights.md says how to "
    "grant it."
)
NO_SESSION = (
    "A pooler stands before the server, and the cookbook needs sessions of its own for roles, paths"
    " and locks: without them its rows could come into the real books. Connect to the server."
)
NOT_MIGRATED = (
    "The practice bank copies the tables of the bank, which lacks migrations: manage.py migrate."
)
BEING_BUILT = (
    "The practice bank is being built, which takes a few seconds after a start with new tables. "
    "This page loads again by itself."
)


class NoPracticeBank(Exception):
    """It is missing or belongs to other code; the text says what to do."""


class PracticeBankInProgress(NoPracticeBank):
    """It is being built, so that it is there in a few seconds."""

    is_passing = True


def is_current() -> bool:
    """Whether it exists and belongs to this code."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s",
            [SCHEMA],
        )
        row = cursor.fetchone()
    return row is not None and row[0] == comment()


def require() -> None:
    """Raises NoPracticeBank unless it exists and belongs to this code: PracticeBankInProgress while
    it is being built.
    """
    if is_current():
        return
    if _is_being_built():
        raise PracticeBankInProgress(BEING_BUILT)
    if not is_current():  # it may have been finished between the two questions
        raise NoPracticeBank(
            "The practice bank is not there, or was made by other code. "
            "Whoever runs this site makes it with: manage.py practice_bank"
        )


def _is_being_built() -> bool:
    """Whether a builder holds its lock, which every role can see."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database d ON d.oid = database"
            " WHERE locktype = 'advisory' AND granted AND objsubid = 1"
            " AND datname = current_database()"
            " AND classid::bigint << 32 | objid::bigint = %s)",
            [BUILDING],
        )
        (found,) = cursor.fetchone()
    return bool(found)


def comment() -> str:
    """A short digest of what it was made of."""
    made_of = repr((known_migrations(), EDITION, USERS, MONTHS, SEED, ENDS, _toys()))
    return f"practice bank {hashlib.sha256(made_of.encode()).hexdigest()[:16]}"


def _toys() -> list[str]:
    return [
        f"{model._meta.db_table}.{field.name}"
        for model in apps.get_app_config("cookbook").get_models()
        for field in model._meta.fields
    ]
