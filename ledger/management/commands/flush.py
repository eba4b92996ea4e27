from typing import Any, NoReturn

from django.core.management.base import CommandError
from django.core.management.commands.flush import Command as Flush


class Command(Flush):
    help = "Deletes nothing: posted payments, seals and histories stay, whoever asks."

    def handle(self, **_options: Any) -> NoReturn:
        raise CommandError(
            "Nothing was deleted: triggers keep posted payments, seals and histories for ever, so a"
            " bank cannot be emptied. For an empty one take a new database, or on the embedded"
            " server `make clean`, which deletes all of its data."
        )
