from typing import Any

from django.contrib.staticfiles.management.commands import collectstatic

from ledger.server.static_files import fingerprint, note_collected


class Command(collectstatic.Command):
    def collect(self) -> dict[str, Any]:
        """Collects the files in the same way as Django, and stores their fingerprint for `prepare`
        and `runserver`. Returns Django's result.
        """
        files = fingerprint()
        found: dict[str, Any] = super().collect()
        if not self.dry_run:
            note_collected(files)
        return found
