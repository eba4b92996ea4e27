import os
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands.dumpdata import Command as DumpData
from django.core.management.commands.dumpdata import ProxyModelWarning
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.migrations.recorder import MigrationRecorder

from ledger.backups.files import ITS_OWNERS
from ledger.backups.fixtures import chosen, missing_from, without_generated_columns
from ledger.db.outages.waiting import without_tables
from ledger.db.snapshot import snapshot

WHOLE = (
    "Write the whole bank: manage.py dumpdata -o bank.json. To look at some rows, use manage.py"
    " shell."
)


class Command(DumpData):
    help = (
        "Writes the rows of a bank as a fixture, which `loaddata` takes into an empty one. For"
        " backups, `manage.py backup` is faster and complete."
    )

    def handle(self, *labels: str, **options: Any) -> None:
        """Django's own, without columns and views that Postgres computes, in an order that loads,
        and with one query for each table. All tables are read as they were at one instant: a
        payment between two of them would leave books that `loaddata` refuses.

        Raises CommandError for a part that cannot be loaded, and for a login from which policies
        hide rows: half a bank is no copy of it.
        """
        if options["database"] != DEFAULT_DB_ALIAS:
            raise CommandError(f"Nothing was written: only the writer has the whole bank. {WHOLE}")
        if options["primary_keys"]:
            raise CommandError(f"Nothing was written: loaddata could not load some rows. {WHOLE}")
        if options["use_natural_primary_keys"]:
            raise CommandError(
                "Nothing was written: seals and histories name ids, which --natural-primary leaves"
                f" out. {WHOLE}"
            )
        tables = chosen(labels, options["exclude"])
        if missing := missing_from(tables):
            raise CommandError(
                "Nothing was written: loaddata could not load this without the rows of"
                f" {missing}. {WHOLE}"
            )
        if not MigrationRecorder(connection).has_table():
            raise CommandError(without_tables())
        if login := _blind_login():
            raise CommandError(
                "Nothing was written: policies of row-level security hide rows from the login"
                f" {login}. Run dumpdata with that of the owner of the tables, without LEDGER_ROLE."
            )
        options["use_base_manager"] = True
        with snapshot(), without_generated_columns(), warnings.catch_warnings():
            warnings.simplefilter("ignore", ProxyModelWarning)  # their rows are another model's
            file = Path(options["output"] or "-")
            if file.is_file():  # already, and no device
                with suppress(PermissionError):
                    file.chmod(ITS_OWNERS)
            before = os.umask(0o777 & ~ITS_OWNERS)
            try:
                super().handle(*tables, **options)
            except CommandError as error:
                if isinstance(error.__context__, BrokenPipeError):  # nobody reads what it prints
                    raise error.__context__ from None
                raise
            finally:
                os.umask(before)


def _blind_login() -> str:
    """The login, if policies hide rows from it; else ""."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user FROM pg_class WHERE relkind = 'r' AND relrowsecurity"
            " AND row_security_active(oid) LIMIT 1"
        )
        found = cursor.fetchone()
    return found[0] if found else ""
