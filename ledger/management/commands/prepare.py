"""Prepares everything that a web server needs, for `make dev` and for deployments."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from ledger.db.outages.command_errors import message_for
from ledger.server.preparation import prepare
from ledger.server.progress import Progress


class Command(BaseCommand):
    help = "Start the database, bring it up to date and collect the static files."
    runs_unattended = True
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--demo", action="store_true", help="fill an empty embedded server with demo data"
        )

        parser.add_argument(
            "--no-static", action="store_true", help="for container images, which have static files"
        )

    def handle(self, *, demo: bool, no_static: bool, **_options: Any) -> None:
        try:
            prepare(demo=demo, progress=Progress.on(self.stderr), static=not no_static)
        except OperationalError as err:
            raise CommandError(message_for(err) or str(err)) from err
