"""Runs collectstatic, but only if a file has changed since the last time."""

import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command


def collect_if_changed() -> bool:
    """Collects if a file changed, and returns whether it did. Never with DEBUG: not needed."""
    if settings.DEBUG:
        return False
    note = settings.LEDGER_DATA_DIR / "static.fingerprint"
    fingerprint = _fingerprint()
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    if manifest.exists() and note.exists() and note.read_text() == fingerprint:
        return False
    call_command("collectstatic", verbosity=0, interactive=False)
    # Written last, so that an interrupted run is repeated.
    note.write_text(fingerprint)
    return True


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list(ignore_patterns=[]):
            found = Path(storage.path(path)).stat()
            digest.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()
