from typing import Any

from django.contrib.staticfiles.management.commands import collectstatic

from ledger.server.static_files import fingerprint, note_collected


class Command(collectstatic.Command):
    def collect(self) -> dict[str, Any]:
        """Django's own. Notes at the end what is collected, for `prepare` and `runserver`."""
        files = fingerprint()
        found: dict[str, Any] = super().collect()
        if not self.dry_run:
            note_collected(files)
        return found
