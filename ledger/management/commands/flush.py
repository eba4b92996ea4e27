from typing import Any, NoReturn

from django.core.management.base import CommandError
from django.core.management.commands.flush import Command as Flush

from ledger.db.server.creation import how_to_start_over


class Command(Flush):
    help = "Deletes nothing: posted payments, seals and histories stay, whoever asks."

    def handle(self, **_options: Any) -> NoReturn:
        raise CommandError(
            "Nothing was deleted: triggers keep posted payments, seals and histories for ever, so a"
            f" bank cannot be emptied. {how_to_start_over()}"
        )
