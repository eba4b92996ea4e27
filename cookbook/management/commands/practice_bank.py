from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cookbook.practice.bank import build
from cookbook.practice.readiness import NoPracticeBank


class Command(BaseCommand):
    help = "Builds the practice bank of the cookbook, or rebuilds it if the code has changed."

    def handle(self, *_args: Any, **_options: Any) -> None:
        try:
            made = build()
        except NoPracticeBank as error:
            raise CommandError(str(error)) from error
        self.stdout.write("Made the practice bank." if made else "The practice bank is current.")
