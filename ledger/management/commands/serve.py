"""Prepares and starts the whole site, as `make run` does. This also works with an empty data
folder.
"""

import argparse
import logging
import signal
import time
from contextlib import ExitStack
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection

from ledger import env
from ledger.checks.names import check_names
from ledger.db.outages.command_errors import message_for
from ledger.db.server.embedded import EmbeddedServerError
from ledger.embedded import instance, removal
from ledger.server import ports
from ledger.server.background_build import BackgroundBuild
from ledger.server.child_process import ChildProcess
from ledger.server.gunicorn_process import WebServer
from ledger.server.mock_provider.server import MockServer
from ledger.server.preparation import prepare
from ledger.server.progress import Progress
from ledger.server.stop_signals import STOP_SIGNALS, ToldToStop
from ledger.settings.provider import MOCK_CLIENT, MOCK_SECRET
from transactions.demo.seeding import is_seeded
from transactions.demo.sign_ins import PASSWORD, SIGN_INS

logger = logging.getLogger(__name__)
LOCAL_HOSTS = ("127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104 - compared, not bound
NO_STANDBY = (
    "DATABASE_REPLICA_URLS names the standby of the embedded server, and there is none. Start once"
    " with `make run STANDBY=1` or `manage.py serve --standby`, which make it, or remove the"
    " setting."
)
STANDBY_HINT = (
    "A standby confirms each commit. Try a failover in another terminal: manage.py failover --kill"
)
SECONDS_TO_END = 10  # time for the worker to end; the next worker repeats what was not committed


class Command(BaseCommand):
    help = "Start the database, bring it up to date and serve the site until Ctrl-C."
    runs_unattended = True
    # The system checks would only delay the start. `make check` runs them.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=settings.PORT)
        parser.add_argument(
            "--demo", action="store_true", help="fill an empty embedded server with demo data"
        )
        parser.add_argument(
            "--standby",
            action="store_true",
            help="run a second embedded server as a synchronous standby, for manage.py failover",
        )
        parser.add_argument(
            "--work",
            action="store_true",
            help="also run manage.py work, for standing orders, alerts, statements and seals",
        )

    def handle(
        self, *, host: str, port: int, demo: bool, standby: bool, work: bool, **_options: Any
    ) -> None:
        for number in STOP_SIGNALS:
            signal.signal(number, _interrupt)
        for message in check_names():
            self.stderr.write(f"{message.msg} {message.hint}")
        _check_settings(standby=standby)
        # The port is checked first, because a user may have started `make run` a second time by
        # mistake.
        _check_port(host, port)
        if settings.OIDC_MOCK:
            _check_port("127.0.0.1", settings.OIDC_MOCK_PORT)
        try:
            with removal.removal_blocked():
                if standby:
                    instance.make_pair()
                self._serve(host, port, demo=demo, work=work)
        except ToldToStop:
            pass
        except (OperationalError, EmbeddedServerError, OSError) as err:
            raise CommandError(message_for(err) or str(err)) from err
        finally:
            for number in STOP_SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            connection.close()
            if settings.LEDGER_EMBEDDED:
                instance.default_server().stop()

    def _serve(self, host: str, port: int, *, demo: bool, work: bool) -> None:
        with WebServer(host, port) as server, ExitStack() as others:
            worker = others.enter_context(_worker(host, port)) if work else None
            # This comes after the forks, because the mock server has threads.
            if settings.OIDC_MOCK:
                mock = MockServer(settings.OIDC_MOCK_PORT, MOCK_CLIENT, MOCK_SECRET)
                others.enter_context(mock)
            # Progress is printed to stderr, and the lines of every start are printed to stdout.
            progress = Progress.on(self.stderr)
            prepare(demo=demo, progress=progress, practice_bank=False)
            lines = self._greeting(host, port)
            connection.close()
            build = BackgroundBuild(progress.print_line)
            if settings.LEDGER_COOKBOOK:
                others.enter_context(build)
            server.open()
            while server.exit_code() is None:
                if lines and server.answers():
                    self.stdout.write("\n".join(lines))
                    self.stdout.flush()
                    lines = []
                    build.begin()
                    if worker:
                        worker.open()
                if worker and (ended := worker.exit_code()) is not None:
                    logger.error(
                        "manage.py work ended unexpectedly, with code %s. Until it runs again, no"
                        " standing orders are paid, and no alerts, statements or seals are made.",
                        ended,
                    )
                    worker = None
                time.sleep(0.02 if lines else 0.5)
            raise CommandError(
                f"The web server ended unexpectedly, with code {server.exit_code()}."
            )

    def _greeting(self, host: str, port: int) -> list[str]:
        sign_in = "Sign up on the page, or sign in with your account."
        if settings.LOG_FORMAT == "text" and is_seeded():
            sign_in = f"Sign in as {', '.join(SIGN_INS.values())} with the password {PASSWORD}."
        mock = f"A mock identity provider is at http://127.0.0.1:{settings.OIDC_MOCK_PORT}/."
        return [
            f"Ledger is at {address_of(host, port)}",
            sign_in,
            *([mock] if settings.OIDC_MOCK else []),
            *([STANDBY_HINT] if instance.has_standby() and settings.LEDGER_EMBEDDED else []),
            "Press Ctrl-C to stop it.",
        ]


def address_of(host: str, port: int) -> str:
    """Returns the address to open in a browser: LEDGER_URL, or an address with `host`. For this
    computer the address contains "localhost", because browsers refuse passkeys for IP addresses.
    """
    if settings.LEDGER_URL:
        return f"{settings.LEDGER_URL}/ (listening on {host}, port {port})"
    if host in LOCAL_HOSTS:
        host = "localhost"
    return f"http://{ports.address_of(host, port)}/"


def _worker(host: str, port: int) -> ChildProcess:
    """Returns a child process for `manage.py work`. The links in its emails contain the address of
    the site that this command serves.
    """
    site = settings.LEDGER_URL or address_of(host, port).rstrip("/")
    return ChildProcess(["-m", "ledger.server.work_process"], SECONDS_TO_END, {"LEDGER_URL": site})


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise ToldToStop


def _check_settings(*, standby: bool) -> None:
    if settings.LEDGER_ROLE == "web":
        raise CommandError(
            "LEDGER_ROLE is web, and this role may not migrate. Leave it out: serve gives that role"
            " to the web processes that it starts."
        )
    if not (settings.LEDGER_URL or settings.LEDGER_EMBEDDED or settings.DEBUG):
        # Otherwise the web processes would report this later.
        env.refuse("LEDGER_URL", env.ADDRESS_NEEDED, is_missing=True)
    if standby and not settings.LEDGER_EMBEDDED:
        raise CommandError(
            "DATABASE_URL or DB_NAME is set: only the embedded server gets a standby here."
        )
    if settings.LEDGER_OWN_REPLICA and not (standby or instance.has_standby()):
        raise CommandError(NO_STANDBY)


def _check_port(host: str, port: int) -> None:
    try:
        ports.check_is_free(host, port)
    except (OSError, OverflowError) as err:
        reason = str(getattr(err, "strerror", err)).rstrip(".")
        raise CommandError(
            f"The port {port} on {host} cannot be used: {reason}. "
            f"Stop what runs there, or choose another port, with make run PORT={_another(port)} or"
            f" manage.py serve --port {_another(port)}."
        ) from err


def _another(port: int) -> int:
    """Returns another port number to suggest: the next port, or 8000. Ports below 1024 need
    root.
    """
    return port + 1 if 1024 <= port < 65535 else 8000
