"""Static files, and whether they have changed since they were collected."""

import hashlib
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import AppDirectoriesFinder, get_finders
from whitenoise.storage import CompressedManifestStaticFilesStorage

# Of drf-spectacular's sidecar: another viewer of the API's schema, and source maps.
UNUSED = ("redoc", "*.map")


class AppFilesFinder(AppDirectoriesFinder):
    """The files of apps, of which it lists for collectstatic only what a page uses."""

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterable[Any]:
        return super().list([*(ignore_patterns or ()), *UNUSED])


class StaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Files with a hash in their names, compressed, without references to source maps: these are
    not collected, and Django refuses a reference to a file that is not there.
    """

    def url_converter(
        self, name: str, hashed_files: dict[str, str], template: str | None = None
    ) -> Callable[[re.Match[str]], str]:
        convert = super().url_converter(name, hashed_files, template)

        def without_source_map(found: re.Match[str]) -> str:
            return "" if "sourceMappingURL=" in found["matched"] else convert(found)

        return without_source_map


def are_collected() -> bool:
    """Whether no file has changed since they were collected. Always so with DEBUG, where they are
    served from where they are.
    """
    if settings.DEBUG:
        return True
    manifest, note = Path(settings.STATIC_ROOT) / "staticfiles.json", _note()
    return manifest.exists() and note.exists() and note.read_text() == fingerprint()


def note_collected(files: str) -> None:
    """Notes that the files with this fingerprint are collected."""
    _note().parent.mkdir(parents=True, exist_ok=True)
    _note().write_text(files)


def _note() -> Path:
    folder: Path = settings.LEDGER_DATA_DIR
    return folder / "static.fingerprint"


def fingerprint() -> str:
    """Of the names, sizes and times of all files."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list(ignore_patterns=[]):
            found = Path(storage.path(path)).stat()
            digest.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()
