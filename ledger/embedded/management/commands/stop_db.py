"""Stops the embedded server. It would otherwise continue to run after the processes that use it
have ended.
"""

from typing import Any

from django.core.management.base import BaseCommand

from ledger.embedded.instance import default_server

STOPPED = "Stopped. It starts again if a site that still runs here connects to it."


class Command(BaseCommand):
    help = "Stop the embedded Postgres; it starts again on the next connection."
    requires_system_checks: list[str] = []

    def handle(self, **_options: Any) -> None:
        self.stdout.write(STOPPED if default_server().stop() else "It was not running.")
