"""Ends the primary of the embedded pair and promotes the standby, while the site is running."""

import argparse
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ledger.db.server.embedded import EmbeddedServerError
from ledger.embedded import instance


class Command(BaseCommand):
    help = (
        "End the primary that `serve --standby` runs, promote the standby, and make the old primary"
        " the new standby."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--kill", action="store_true", help="end it like a power cut, without a clean shutdown"
        )

    def handle(self, *, kill: bool, **_options: Any) -> None:
        try:
            pair = instance.own_pair()
            done = pair.fail_over(kill=kill, report=self._print)
            self._print(
                f"The {done.primary} server is the primary and takes writes, {done.seconds:.2f} s"
                " after its promotion began."
            )
            self._print("Making the old primary its standby, which may take half a minute ...")
            began = time.monotonic()
            pair.follow()
        except EmbeddedServerError as err:
            raise CommandError(str(err)) from err
        took = time.monotonic() - began
        self._print(
            f"The old primary is now the standby and confirms each commit. That took {took:.1f} s."
        )

    def _print(self, line: str) -> None:
        """Prints a line immediately, even into a pipe, because the next step may take long."""
        self.stdout.write(line)
        self.stdout.flush()
