"""Waits until the database in the settings answers. Programs that need the database can start after
that.
"""

import argparse
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, OperationalError

from ledger.db import replicas
from ledger.db.outages.command_errors import message_for
from ledger.db.outages.waiting import NeverReady, NotInTime, Wanted, wait_for

NOT_IN_TIME, NEVER = 1, 3  # exit codes; 2 means a wrong argument


class Command(BaseCommand):
    help = (
        "Wait until the database answers and takes writes. Exits 0 when it does, 1 when the time is"
        " over, and 3 immediately if waiting cannot help, for example with a wrong password."
    )
    runs_unattended = True
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--timeout", type=_seconds, default=60, help="seconds to wait at most, in all (60)"
        )
        parser.add_argument(
            "--migrated", action="store_true", help="also wait until every migration is applied"
        )
        parser.add_argument(
            "--replicas",
            action="store_true",
            help="also wait for each of DATABASE_REPLICA_URLS; pages can do without them",
        )

    def handle(self, *, timeout: int, migrated: bool, **options: Any) -> None:
        wanted = [Wanted(DEFAULT_DB_ALIAS, is_migrated=migrated)]
        if options["replicas"]:
            wanted += _replicas()
        try:
            # Progress is printed to stderr, but not in red, because it is not an error.
            wait_for(wanted, seconds=timeout, report=partial(self.stderr.write, style_func=str))
        except NotInTime as error:
            raise CommandError(str(error), returncode=NOT_IN_TIME) from error
        except NeverReady as error:
            cause = error.__cause__
            text = message_for(cause) if isinstance(cause, OperationalError) else None
            raise CommandError(text or str(error), returncode=NEVER) from error


def _replicas() -> list[Wanted]:
    found = [Wanted(alias) for alias in replicas.aliases()]
    if not found:
        raise CommandError(
            "There are no replicas to wait for: DATABASE_REPLICA_URLS is empty, or LEDGER_ROLE is"
            " not web, and only pages need replicas.",
            returncode=NEVER,
        )
    return found


def _seconds(value: str) -> int:
    if not value.isascii() or not value.isdigit() or not 0 < int(value) <= 86_400:
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number from 1 to 86400")
    return int(value)
