"""The template files of the project: in `templates/`, and in the folders of its apps."""

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.template.engine import Engine
from django.template.utils import get_app_template_dirs


def template_folders() -> list[Path]:
    """The folders of our templates; those of installed packages are left out."""
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
    """The name and the file of each of our templates in HTML."""
    for folder in template_folders():
        for file in sorted(folder.rglob("*.html")):
            yield str(file.relative_to(folder)), file
