from typing import Any, NoReturn

from django.core.management.base import CommandError
from django.core.management.commands.startproject import Command as StartProject


class Command(StartProject):
    help = "Is refused: this folder is already a project."

    def handle(self, *_args: Any, **_options: Any) -> NoReturn:
        raise CommandError(
            "This folder is already a project: ledger/settings contains its settings. Run make"
            " dev to see it. To add an app, run manage.py startapp (docs/new-app.md)."
        )
