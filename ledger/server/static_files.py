"""Selects the static files that are collected, and checks whether the collected files are up to
date.
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import AppDirectoriesFinder, get_finders
from whitenoise.storage import CompressedManifestStaticFilesStorage

# Files in the drf-spectacular-sidecar package that pages do not use: another schema viewer, and
# source maps.
UNUSED = ("redoc", "*.map")


class AppFilesFinder(AppDirectoriesFinder):
    """A finder for the static files of apps. It leaves out the files in `UNUSED`, which no page
    uses.
    """

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterable[Any]:
        return super().list([*(ignore_patterns or ()), *UNUSED])


class StaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """A storage for compressed files with a hash in their names. Removes references to source maps,
    because source maps are not collected and Django refuses references to missing files.
    """

    def url_converter(
        self, name: str, hashed_files: dict[str, str], template: str | None = None
    ) -> Callable[[re.Match[str]], str]:
        convert = super().url_converter(name, hashed_files, template)

        def without_source_map(found: re.Match[str]) -> str:
            return "" if "sourceMappingURL=" in found["matched"] else convert(found)

        return without_source_map


def are_collected() -> bool:
    """Returns whether the collected files are up to date. With DEBUG, always returns True, because
    the files are then served from their original folders.
    """
    if settings.DEBUG:
        return True
    manifest, note = Path(settings.STATIC_ROOT) / "staticfiles.json", _note()
    return manifest.exists() and note.exists() and note.read_text() == fingerprint()


def note_collected(files: str) -> None:
    """Stores `files`, the fingerprint of the collected files."""
    _note().parent.mkdir(parents=True, exist_ok=True)
    _note().write_text(files)


def _note() -> Path:
    folder: Path = settings.LEDGER_DATA_DIR
    return folder / "static.fingerprint"


def fingerprint() -> str:
    """Returns a digest of the names, sizes and modification times of all static files."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list(ignore_patterns=[]):
            found = Path(storage.path(path)).stat()
            digest.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()
