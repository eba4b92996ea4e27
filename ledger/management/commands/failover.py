"""Ends the primary of the embedded pair and promotes its standby, while the site runs."""

import argparse
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ledger.db.server.embedded import EmbeddedServerError
from ledger.embedded import instance


class Command(BaseCommand):
    help = (
        "End the primary that `serve --standby` runs, promote the standby, and let the old primary"
        " follow the new one."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--kill", action="store_true", help="end it as a power cut would, not in good order"
        )

    def handle(self, *, kill: bool, **_options: Any) -> None:
        try:
            pair = instance.own_pair(instance.PROMOTE)
            done = pair.fail_over(kill=kill, report=self._tell)
            self._tell(
                f"The {done.primary} server is the primary and takes writes, {done.seconds:.2f} s"
                " after its promotion began."
            )
            self._tell("Making the old primary its standby, which may take half a minute ...")
            began = time.monotonic()
            pair.follow()
        except EmbeddedServerError as err:
            raise CommandError(str(err)) from err
        took = time.monotonic() - began
        self._tell(f"It follows, and confirms each commit. That took {took:.1f} s.")

    def _tell(self, sentence: str) -> None:
        """At once, also into a pipe: what follows may take long."""
        self.stdout.write(sentence)
        self.stdout.flush()
