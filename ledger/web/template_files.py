"""Finds the project's template files, in `templates/` and in the folders of its apps."""

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.template.engine import Engine
from django.template.utils import get_app_template_dirs


def template_folders() -> list[Path]:
    """Returns the folders with Ledger's templates, without folders of installed packages."""
    of_apps = map(Path, get_app_template_dirs("templates"))
    return [
        *map(Path, Engine.get_default().dirs),
        *(
            folder
            for folder in of_apps
            if folder.is_relative_to(settings.BASE_DIR) and "site-packages" not in folder.parts
        ),
    ]


def template_files() -> Iterator[tuple[str, Path]]:
    """Yields the name and the path of each HTML template of Ledger."""
    for folder in template_folders():
        for file in sorted(folder.rglob("*.html")):
            yield str(file.relative_to(folder)), file
