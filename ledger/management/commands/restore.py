import argparse
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from banking.events.restores import announce_restore
from ledger.backups import files
from ledger.db.history import signed_facts
from ledger.db.outages.probe import short_connection
from ledger.server.preparation import prepare
from ledger.server.progress import Progress
from ledger.text.lines import counted
from transactions.audit.audit import audit
from transactions.row_security import installation as row_security

SECONDS = 5
OTHER_KEY = (
    "This bank was made with another SECRET_KEY, which encrypts the secrets of second factors."
    " Without that key nobody can use a second factor. Put the old key into SECRET_KEY, or on the"
    " embedded server into the file secret_key of LEDGER_DATA_DIR, and run manage.py prepare before"
    " people sign in."
)


class Command(BaseCommand):
    help = (
        "Restores a backup of `manage.py backup` into an empty database, and checks it by the"
        " audit, the seals and the manifest. Exits 1 if the books are not clean."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")

    def handle(self, *, file: Path, **_options: Any) -> None:
        try:
            manifest = files.load(file)
            with short_connection(SECONDS) as found:
                has_other_key = signed_facts.problem_with(found) is not None
            row_security.force_reinstall()
            # `migrate` is also needed if there are no new migrations, because it grants the rights,
            # which a backup does not contain.
            call_command("migrate", verbosity=0, interactive=False)
            prepare(demo=False, static=False, progress=Progress.on(self.stderr))
            announce_restore()
        except (files.BackupRefused, OperationalError) as refusal:
            raise CommandError(str(refusal)) from None
        if has_other_key:
            self.stderr.write(OTHER_KEY, style_func=str)
        result = audit()
        wrong = files.differences(manifest) + [each.printed() for each in result.findings]
        for line in wrong:
            self.stderr.write(line)
        if wrong:
            raise SystemExit(1)
        self.stdout.write(
            f"Restored and clean: {counted(result.transactions, 'transaction')} on"
            f" {counted(result.accounts, 'account')}, and every seal holds."
        )
