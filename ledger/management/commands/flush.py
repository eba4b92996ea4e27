from typing import Any, NoReturn

from django.core.management.base import CommandError
from django.core.management.commands.flush import Command as Flush

from ledger.db.server.creation import how_to_start_over


class Command(Flush):
    help = "Is refused: nobody can delete posted payments, seals and histories."

    def handle(self, **_options: Any) -> NoReturn:
        raise CommandError(
            "Nothing was deleted: triggers do not allow to delete posted payments, seals and"
            f" histories, so a bank cannot be emptied. {how_to_start_over()}"
        )
