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
        "Writes the rows of a bank as a fixture, which `loaddata` loads into an empty bank. For"
        " backups, `manage.py backup` is faster and complete."
    )

    def handle(self, *labels: str, **options: Any) -> None:
        """Writes a fixture that `loaddata` can load: the rows are in the right order, without
        columns and views that Postgres computes. Reads all tables in one snapshot, so that they
        show the same state of the bank.

        Raises CommandError if `loaddata` could not load the fixture, because models are missing or
        an option leaves out ids. Also raises CommandError if row-level security hides rows from the
        login.
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
                f" {login}. Run dumpdata with the login of the table owner, without LEDGER_ROLE."
            )
        options["use_base_manager"] = True
        with snapshot(), without_generated_columns(), warnings.catch_warnings():
            # A proxy model's rows are written with the other model.
            warnings.simplefilter("ignore", ProxyModelWarning)
            file = Path(options["output"] or "-")
            if file.is_file():  # the file exists and is not a device
                with suppress(PermissionError):
                    file.chmod(ITS_OWNERS)
            before = os.umask(0o777 & ~ITS_OWNERS)
            try:
                super().handle(*tables, **options)
            except CommandError as error:
                if isinstance(error.__context__, BrokenPipeError):  # nothing reads stdout any more
                    raise error.__context__ from None
                raise
            finally:
                os.umask(before)


def _blind_login() -> str:
    """Returns the current login if row-level security hides rows from it, and otherwise ""."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user FROM pg_class WHERE relkind = 'r' AND relrowsecurity"
            " AND row_security_active(oid) LIMIT 1"
        )
        found = cursor.fetchone()
    return found[0] if found else ""
