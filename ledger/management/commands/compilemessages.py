from typing import Any, NoReturn

from django.core.management.base import CommandError
from django.core.management.commands.compilemessages import Command as Compilemessages


class Command(Compilemessages):
    help = "Is refused: there are no translations."

    def handle(self, *_args: Any, **_options: Any) -> NoReturn:
        """Always raises CommandError. Django's command would search all installed packages."""
        raise CommandError("Nothing was written: there are no translations; pages are in English.")
