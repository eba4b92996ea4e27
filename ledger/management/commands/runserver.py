"""Django's development server. It refuses to start if the bank is not prepared."""

import os
from typing import Any

from django.contrib.staticfiles.management.commands import runserver
from django.core.management.base import CommandError
from django.db import OperationalError
from django.utils.autoreload import DJANGO_AUTORELOAD_ENV

from ledger.db.outages.probe import short_connection, unapplied_migrations
from ledger.server.static_files import are_collected
from ledger.text.lines import counted

SECONDS_TO_CONNECT = 5
LAST_PORT = 65535
PREPARE = (
    "Run make dev, which prepares and serves, or manage.py prepare and then this command again."
)


class Command(runserver.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        """Serves pages until the command is stopped. Raises CommandError if the port number is not
        valid or the bank is not prepared.
        """
        port = str(options["addrport"] or "").rpartition(":")[2]
        if port.isdecimal() and int(port) > LAST_PORT:
            raise CommandError(f"There is no port {port}; the last one is {LAST_PORT}.")
        # Otherwise the parent process has already checked.
        if os.environ.get(DJANGO_AUTORELOAD_ENV) != "true":
            refuse_unprepared()
        super().handle(*args, **options)


def refuse_unprepared() -> None:
    """Raises CommandError if the database cannot be reached, if migrations are missing, or if the
    static files are not collected.
    """
    try:
        with short_connection(SECONDS_TO_CONNECT) as found:
            missing = len(unapplied_migrations(found))
    except OperationalError as err:
        raise CommandError(str(err)) from err
    if missing:
        raise CommandError(f"The database lacks {counted(missing, 'migration')}. {PREPARE}")
    if not are_collected():
        raise CommandError(
            "The static files are not collected. Run make dev; or manage.py prepare and then this"
            " command again; or DEBUG=True manage.py runserver, which needs no collected files."
        )
