"""Checks whether the practice bank exists and matches this code. The error messages explain what to
do.
"""

import hashlib
from datetime import UTC, datetime

from django.apps import apps
from django.db import connection

from ledger.db.outages.probe import known_migrations

SCHEMA = "practice"
SCRATCH = tuple(f"practice_scratch_{number}" for number in range(1, 5))
# These values define the content of the practice bank. If one of them changes, every practice bank
# is rebuilt.
USERS, MONTHS, SEED = 24, 12, 1
ENDS = datetime(2026, 6, 30, 23, 59, 59, tzinfo=UTC)
EDITION = 10
BUILDING = 7_205_759_403_792_793  # the advisory lock that is taken during a build

NO_RIGHT = "42501"
NOT_GRANTED = (
    "The cookbook needs the role {}, which this process may not use. docs/rights.md explains how "
    "to grant it."
)
NO_SESSION = (
    "This connection goes through a pooler. The cookbook needs real sessions for roles, paths"
    " and locks; otherwise it could write into the real books. Connect directly to the server."
)
NOT_MIGRATED = (
    "The practice bank copies the tables of the bank, but some migrations are missing. Run"
    " manage.py migrate."
)
BEING_BUILT = (
    "The practice bank is being built. This takes a few seconds after a start with new tables. "
    "This page reloads automatically."
)


class NoPracticeBank(Exception):
    """Raised if the practice bank is missing or does not match this code. The message explains what
    to do.
    """


class PracticeBankInProgress(NoPracticeBank):
    """Raised while the practice bank is being built, which takes a few seconds."""

    is_passing = True


def is_current() -> bool:
    """Returns whether the practice bank exists and matches this code."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s",
            [SCHEMA],
        )
        row = cursor.fetchone()
    return row is not None and row[0] == comment()


def require() -> None:
    """Raises NoPracticeBank if the practice bank is missing or does not match this code, and
    PracticeBankInProgress while the practice bank is being built.
    """
    if is_current():
        return
    if _is_being_built():
        raise PracticeBankInProgress(BEING_BUILT)
    if not is_current():  # the build may have ended after the first check
        raise NoPracticeBank(
            "The practice bank is missing, or was built by another version of the code. "
            "The operator of this site can build it: manage.py practice_bank"
        )


def _is_being_built() -> bool:
    """Returns whether a process is building the practice bank. Every role can see the advisory lock
    of the build.
    """
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
    """Returns the comment that the schema of an up-to-date practice bank has: a short digest of the
    migrations and values on which the practice bank depends.
    """
    made_of = repr((known_migrations(), EDITION, USERS, MONTHS, SEED, ENDS, _toys()))
    return f"practice bank {hashlib.sha256(made_of.encode()).hexdigest()[:16]}"


def _toys() -> list[str]:
    return [
        f"{model._meta.db_table}.{field.name}"
        for model in apps.get_app_config("cookbook").get_models()
        for field in model._meta.fields
    ]
