"""The template of the test databases: migrated and filled once, then copied for each worker.

`CREATE DATABASE ... TEMPLATE` takes a second. Migrations and the practice bank take twenty times as
long. The template stays on the server until the code that creates it changes.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from cookbook.practice import bank
from ledger.env import BASE_DIR
from tests import pooler

PREFIX = "ledger_template_"
KINDS = {False: "plain_", True: "secured_"}
# The content of the template depends on files and folders with these names. The steps after each
# migration (rights, groups, policies, views) run again in each copy.
MADE_BY = {"migrations", "models", "models.py", "db", "practice", "demo", "demo_data.py"}
FILL = ("tests/load.py", "tests/ledger/own_bank.py", "tests/ledger/bank_copies.py")  # copied banks
APPS = tuple(
    sorted(
        {
            file.relative_to(BASE_DIR).parts[0]
            for pattern in ("*/apps.py", "*/*/apps.py")
            for file in BASE_DIR.glob(pattern)
        }
    )
)
PACKAGES = ("Django", "django-allauth", "django-pgtrigger")
BUILDING = 7_205_759_403_792_795  # the advisory lock of the builder


def ensure() -> str:
    """Returns the name of the template, and builds the template first if it is missing. Drops
    templates of older code, but keeps the template for tests with (or without) row-level security.
    """
    name = PREFIX + KINDS[settings.LEDGER_ROW_SECURITY] + key()
    other = PREFIX + KINDS[not settings.LEDGER_ROW_SECURITY]
    there: Any = connection
    with there._nodb_cursor() as cursor, _alone(cursor):
        cursor.execute("SELECT datname FROM pg_database")
        found = {known for (known,) in cursor.fetchall()}
        if name not in found:
            for old in sorted(found):
                if old.startswith(PREFIX) and not old.startswith(other):
                    cursor.execute(f'DROP DATABASE IF EXISTS "{old}"')
            _build(f"{name}_draft")
            cursor.execute(f'ALTER DATABASE "{name}_draft" RENAME TO "{name}"')
    return name


def ensure_early() -> None:
    """Builds the template if it is missing, while other processes start. Ignores errors, because a
    worker reports them.
    """
    try:
        with suppress(Exception):
            ensure()
    finally:
        connection.close()


def key() -> str:
    """Returns a digest of the code on which the content of the template depends. Excludes the
    services that book the rows of the practice bank.
    """
    own = Path(__file__).read_bytes()
    return _digest(MADE_BY.intersection, settings.LEDGER_ROW_SECURITY, settings.SECRET_KEY, own)


def digest_of_the_code() -> str:
    """Returns a digest of all code, for banks that are copied without a migration."""
    return _digest(lambda _parts: True, *((BASE_DIR / name).read_bytes() for name in FILL))


def _digest(counts: Callable[[tuple[str, ...]], object], *further: object) -> str:
    versions = [version(package) for package in PACKAGES]
    made_of = hashlib.sha256(repr((versions, further)).encode())
    for file in sorted(file for app in APPS for file in (BASE_DIR / app).rglob("*.py")):
        name = file.relative_to(BASE_DIR)
        if counts(name.parts):
            made_of.update(f"{name}\n".encode() + file.read_bytes())
    return made_of.hexdigest()[:16]


@contextmanager
def _alone(cursor: Any) -> Iterator[None]:
    """Ensures that only one worker builds a template. Other workers wait, and then find the
    template.
    """
    cursor.execute("SELECT pg_advisory_lock(%s)", [BUILDING])
    try:
        yield
    finally:
        cursor.execute("SELECT pg_advisory_unlock(%s)", [BUILDING])


def _build(name: str) -> None:
    """Creates a database with this name, migrates it, and builds the practice bank in it.

    Autovacuum is off. It would sometimes record that a table has a page and no rows, because tests
    roll their rows back. Postgres would then plan for no rows, which is ten times as slow for a
    thousand rows.
    """
    there = pooler.server()
    there["TEST"] = {**there["TEST"], "NAME": name, "TEMPLATE": None}
    real_name = settings.DATABASES["default"]["NAME"]
    with pooler.connected(there):
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        settings.DATABASES["default"]["NAME"] = real_name
        bank.build()
        with connection.cursor() as cursor:
            for table in connection.introspection.django_table_names(
                only_existing=True, include_views=False
            ):
                cursor.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
