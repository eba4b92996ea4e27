from contextlib import ExitStack
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands.loaddata import Command as LoadData
from django.core.serializers.base import DeserializationError, DeserializedObject
from django.db import DEFAULT_DB_ALIAS, IntegrityError
from django.db import transaction as db_transaction

from ledger.backups import fixtures
from ledger.backups.fixtures import originals_before
from ledger.db.read_router import has_added_table
from ledger.db.server.creation import how_to_start_over
from ledger.text.lines import counted
from transactions.audit.audit import audit_here

WHOLE = "A fixture is of a whole bank, as manage.py dumpdata -o bank.json writes it."


def refuse_rows() -> None:
    """Raises CommandError for a bank that has rows of its own, or of added apps."""
    if held := fixtures.rows_of_a_bank() or fixtures.rows_of_added_apps():
        raise CommandError(
            f"Nothing was loaded: this bank has {held} already, and a fixture goes into an"
            " empty one alone, because its balances and seals are those of its own rows."
            f" {how_to_start_over()}"
        )


class Command(LoadData):
    help = (
        "Loads a fixture of `dumpdata` into an empty bank, proves it by the audit and the seals,"
        " and only then commits. Rows of apps that were added go into any bank."
    )

    def handle(self, *labels: str, **options: Any) -> None:
        if options["database"] != DEFAULT_DB_ALIAS:
            raise CommandError(
                "Nothing was loaded: only the writer is loaded. Leave out --database."
            )
        self.is_whole: bool | None = None  # None before the first row
        self.after_originals: list[DeserializedObject] = []
        verbosity = options.pop("verbosity")
        try:
            with db_transaction.atomic(durable=True), ExitStack() as self.meanwhile:
                super().handle(*labels, verbosity=0, **options)  # it says "installed" too early
                if self.is_whole:
                    _check_loaded()
        except (DeserializationError, IntegrityError) as error:
            reason = str(error).splitlines()[0].rstrip(" :.")
            raise CommandError(f"Nothing was loaded: {reason}. {WHOLE}") from error
        if verbosity:
            rows = counted(self.loaded_object_count, "row")
            proof = "; the books are clean, and every seal holds" if self.is_whole else ""
            self.stdout.write(f"Loaded {rows}{proof}.")

    def load_label(self, fixture_label: str) -> None:
        """Loads the files of a name: captures and refunds last, because their foreign keys are
        checked at once and rows come in the order of their ids.
        """
        super().load_label(fixture_label)
        for obj in sorted(self.after_originals, key=lambda each: originals_before(each.object)):
            super().save_obj(obj)
        self.after_originals.clear()

    def save_obj(self, obj: DeserializedObject) -> bool:
        """Saves one object, or keeps it until its original is there."""
        is_added_app = has_added_table(type(obj.object))
        if self.is_whole is None:
            self.is_whole = not is_added_app
            if self.is_whole:
                self._make_room()
        if not self.is_whole and not is_added_app:
            raise CommandError(
                f"Nothing was loaded: rows of {obj.object._meta.label} come with a whole bank."
                f" {WHOLE}"
            )
        if originals_before(obj.object):
            self.after_originals.append(obj)
            return True
        saved: bool = super().save_obj(obj)
        return saved

    def _make_room(self) -> None:
        """Takes away all rows that migrations or audits wrote, and triggers until the end."""
        refuse_rows()
        self.meanwhile.enter_context(fixtures.triggers_off())
        refuse_rows()  # who wrote while this waited for the locks of all tables
        fixtures.empty_all()


def _check_loaded() -> None:
    """Raises CommandError for a fixture of a part of a bank, or of books that are not clean."""
    if lacking := fixtures.missing_rows():
        raise CommandError(f"Nothing was loaded: the fixture has no {lacking}. {WHOLE}")
    if findings := audit_here().findings:
        raise CommandError(f"Nothing was loaded, because these books are not clean: {findings[0]}")
