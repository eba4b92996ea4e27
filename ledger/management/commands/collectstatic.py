from typing import Any

from django.contrib.staticfiles.management.commands import collectstatic

from ledger.server.static_files import fingerprint, note_collected


class Command(collectstatic.Command):
    def collect(self) -> dict[str, Any]:
        """Collects the files like Django and returns Django's result. Also stores the fingerprint
        of the files for `prepare` and `runserver`.
        """
        files = fingerprint()
        found: dict[str, Any] = super().collect()
        if not self.dry_run:
            note_collected(files)
        return found
