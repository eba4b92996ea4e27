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

WHOLE = "A fixture must contain a whole bank, as manage.py dumpdata -o bank.json writes it."


def refuse_rows() -> None:
    """Raises CommandError if the bank already has rows, including rows of added apps."""
    if existing := fixtures.rows_of_a_bank() or fixtures.rows_of_added_apps():
        raise CommandError(
            f"Nothing was loaded: this bank already has {existing}. A fixture can be loaded only"
            " into an empty bank, because its balances and seals match only its rows."
            f" {how_to_start_over()}"
        )


class Command(LoadData):
    help = (
        "Loads a fixture of `dumpdata` into an empty bank, checks it by the audit and the seals,"
        " and only then commits. Rows of added apps can be loaded into any bank."
    )

    def handle(self, *labels: str, **options: Any) -> None:
        if options["database"] != DEFAULT_DB_ALIAS:
            raise CommandError(
                "Nothing was loaded: a fixture can be loaded only into the writer. Leave out"
                " --database."
            )
        # Whether the fixture is a whole bank; None before the first row.
        self.is_whole: bool | None = None
        self.after_originals: list[DeserializedObject] = []
        verbosity = options.pop("verbosity")
        try:
            with db_transaction.atomic(durable=True), ExitStack() as self.loading:
                # Django's command would print "Installed" too early.
                super().handle(*labels, verbosity=0, **options)
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
        """Loads the files with this name. Captures and refunds are loaded last, because their
        foreign keys need the original transactions.
        """
        super().load_label(fixture_label)
        for obj in sorted(self.after_originals, key=lambda each: originals_before(each.object)):
            super().save_obj(obj)
        self.after_originals.clear()

    def save_obj(self, obj: DeserializedObject) -> bool:
        """Saves an object. An object that refers to another transaction is saved later."""
        is_added_app = has_added_table(type(obj.object))
        if self.is_whole is None:
            self.is_whole = not is_added_app
            if self.is_whole:
                self._make_room()
        if not self.is_whole and not is_added_app:
            raise CommandError(
                f"Nothing was loaded: rows of {obj.object._meta.label} can be loaded only with a"
                f" whole bank. {WHOLE}"
            )
        if originals_before(obj.object):
            self.after_originals.append(obj)
            return True
        saved: bool = super().save_obj(obj)
        return saved

    def _make_room(self) -> None:
        """Switches off triggers for the rest of the command, and deletes the rows of migrations and
        audits.
        """
        refuse_rows()
        self.loading.enter_context(fixtures.triggers_off())
        # Other sessions may have written rows while this command waited for the locks of all
        # tables.
        refuse_rows()
        fixtures.empty_all()


def _check_loaded() -> None:
    """Raises CommandError if the bank has no rows in a table that every bank needs, such as
    currencies, or if the audit finds a problem.
    """
    if missing := fixtures.missing_rows():
        raise CommandError(f"Nothing was loaded: the fixture has no {missing}. {WHOLE}")
    if findings := audit_here().findings:
        raise CommandError(f"Nothing was loaded, because these books are not clean: {findings[0]}")
