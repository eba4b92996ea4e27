"""Runs the scheduled jobs of a bank. It replaces cron."""

import logging
import os
import signal
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from django.db import OperationalError

from banking.events.deliverer import Deliverer, DeliveryEnded
from ledger.db.outages.command_errors import NO_TABLE, why_no_work
from ledger.db.outages.probe import short_connection
from ledger.db.outages.refused_logins import is_web_login, not_by_this_login
from ledger.db.outages.waiting import without_tables
from ledger.db.retry import sqlstate
from ledger.db.rights.held import powers
from ledger.db.server.zones import problem_with_zone
from ledger.jobs.schedule import JOBS
from ledger.jobs.worker import AWAY, Worker
from ledger.logs.output import is_watched
from ledger.server.stop_signals import STOP_SIGNALS, ToldToStop

logger = logging.getLogger("ledger.jobs")
SECONDS = 5  # time limit in seconds for the check of the database
TOO_TRUSTED = (
    "This worker signs in as {role}, which {held}. An attacker who takes over the worker could do"
    " the same, and the worker connects to addresses that customers choose. Let it sign in as"
    " {right} (docs/rights.md)."
)


class Command(BaseCommand):
    help = (
        "Run the scheduled jobs, such as releasing expired holds and sealing days, and deliver"
        " events to webhooks, until SIGTERM or Ctrl-C. Several workers may run, also together with"
        " cron: each job is done once. --verbosity 0 prints only failures, and mails if there is no"
        " mail server."
    )
    runs_unattended = True
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--once",
            action="store_true",
            help="run the jobs that are due, then end; the exit code is 1 if a job failed",
        )
        parser.add_argument(
            "--webhooks",
            action="store_true",
            help="only deliver events to webhooks, if something else starts the jobs",
        )
        parser.add_argument(
            "--heartbeat",
            type=Path,
            help="a file whose time changes each second while the worker looks for events, for a"
            " health check",
        )

    def handle(
        self,
        *,
        once: bool,
        webhooks: bool,
        heartbeat: Path | None,
        verbosity: int,
        **_options: Any,
    ) -> None:
        if is_web_login():
            raise CommandError(not_by_this_login())
        stop = StopSignal()
        try:
            for number in STOP_SIGNALS:
                signal.signal(number, stop.note)
            with Path(os.devnull).open("w") as nowhere:
                if not verbosity:
                    self.stdout = OutputWrapper(nowhere)
                self._work(
                    stop,
                    once=once,
                    webhooks=webhooks,
                    heartbeat=heartbeat,
                    reports_done=verbosity > 0,
                )
        except ToldToStop:
            pass  # the database rolls back what was not committed, and a later run repeats it
        finally:
            stop.is_over = True
            for number in STOP_SIGNALS:
                signal.signal(number, signal.SIG_IGN)

    def _work(
        self,
        stop: "StopSignal",
        *,
        once: bool,
        webhooks: bool,
        heartbeat: Path | None,
        reports_done: bool,
    ) -> None:
        report = warn = complain = partial(self.stderr.write, style_func=str)
        if settings.LOG_FORMAT == "json" and not is_watched():
            report, complain = partial(logger.info, "%s"), partial(logger.error, "%s")
            warn = partial(logger.warning, "%s")
        jobs = () if webhooks else JOBS
        worker = Worker(
            report=report, complain=complain, out=self.stdout, err=self.stderr, jobs=jobs,
            reports_done=reports_done,
        )  # fmt: skip
        deliverer = Deliverer(report=report, complain=complain, heartbeat=heartbeat)
        try:
            self._look_at_database(warn=warn, complain=complain)
            if once:
                is_done = worker.run_once()
                deliverer.deliver_due()
                if not is_done:
                    raise SystemExit(1)
            else:
                with deliverer.running():
                    worker.run(partial(stop.wait, by=deliverer.wait))
        except DeliveryEnded as error:
            raise CommandError("An error ended the delivery of events to webhooks.") from error
        except AWAY as error:
            if sqlstate(error) == NO_TABLE:
                raise CommandError(without_tables()) from error
            raise CommandError(
                f"The work cannot begin because of the database: {why_no_work(error)}"
            ) from error

    def _look_at_database(
        self, *, warn: Callable[[str], object], complain: Callable[[str], object]
    ) -> None:
        """Reports if the login has too many rights, or if Postgres and Python have different time
        zone rules. The worker itself reports an outage.
        """
        with suppress(OperationalError), short_connection(SECONDS) as found:
            ((role,),) = found.execute("SELECT current_user").fetchall()
            if held := powers(found, role):
                warn(
                    TOO_TRUSTED.format(
                        role=role, held=" and ".join(held), right=settings.LEDGER_WORKER_ROLE
                    )
                )
            if problem := problem_with_zone(found):
                complain(problem)


class StopSignal:
    """A signal handler that ends the command with an exception. If other code catches the
    exception, as AWS's driver does during a failover, the next `wait` ends the command.
    """

    def __init__(self) -> None:
        self.is_over = False  # True after the command has ended, so that later signals do nothing
        self._has_come = False

    def note(self, _number: int, _frame: object) -> None:
        # This is not an Event, because set() would deadlock if the signal interrupts a wait for the
        # Event.
        self._has_come = True
        if not self.is_over:
            raise ToldToStop

    def wait(self, seconds: float, *, by: Callable[[float], object]) -> None:
        """Waits for `seconds` by calling `by`. Raises ToldToStop if a signal has come."""
        if self._has_come:
            raise ToldToStop
        by(seconds)
