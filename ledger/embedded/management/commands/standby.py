"""Switches off the wait for the standby of the embedded pair, or starts the standby again."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ledger.db.server.embedded import EmbeddedServerError
from ledger.embedded import instance


class Command(BaseCommand):
    help = "Continue or repair if the standby of `serve --standby` is lost and every commit waits."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument(
            "--again",
            action="store_true",
            help="start the standby again, or make a new one if needed; waiting commits continue",
        )
        what.add_argument(
            "--alone",
            action="store_true",
            help="let commits continue without a standby: only one server has them until `--again`",
        )

    def handle(self, *, alone: bool, **_options: Any) -> None:
        try:
            pair = instance.own_pair()
            pair.write_without_standby() if alone else pair.follow()
        except EmbeddedServerError as err:
            raise CommandError(str(err)) from err
        self.stdout.write(
            "Commits no longer wait. `manage.py standby --again` brings the standby back."
            if alone
            else "The standby follows the primary, and confirms each commit."
        )
