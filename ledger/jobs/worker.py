"""One process that does the scheduled work. Several may run: each run of a job is one worker's."""

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, InterfaceError, connection

from ledger.db.outages.command_errors import why_no_work
from ledger.db.retry import Failure, failure_of, sqlstate
from ledger.jobs import records
from ledger.jobs.schedule import JOBS, ScheduledJob, ahead, is_due
from ledger.jobs.silence import Silence, limited_connections
from ledger.logs import context

POLL_SECONDS = 10
RENEW_SECONDS = records.CLAIM_SECONDS / 3
RENEW_TIMEOUT = 5.0  # seconds: a short statement, on a connection of its own
AWAY = (DatabaseError, InterfaceError)
NO_ANSWER = "08"  # SQLSTATE, connection exceptions
OF_THE_JOB = frozenset({Failure.FINAL, Failure.TIMED_OUT})  # not of the server
TO_COME = (
    "job_records has times of {names} that are yet to come, as after a clock that ran ahead; they"
    " count as never, so what is due runs. Set the clock of the database by NTP."
)
Tell = Callable[[str], object]

logger = logging.getLogger("ledger.jobs")


class Worker:
    """Runs what is due. `out` and `err` get what the commands print; `tell` gets lines of ours,
    `complain` those about what failed. With `tells_done`, each job that was done is told.
    """

    def __init__(
        self,
        *,
        tell: Tell,
        complain: Tell | None = None,
        out: Any = None,
        err: Any = None,
        jobs: Sequence[ScheduledJob] = JOBS,
        tells_done: bool = True,
    ) -> None:
        # Random letters: process numbers repeat, in containers at each start.
        self.name = f"{socket.gethostname()[:60]}:{os.getpid()}:{os.urandom(4).hex()}"
        self.complain = complain or tell
        self.tell, self.out, self.err, self.jobs = tell, out, err, jobs
        self.tells_done = tells_done
        self._is_away = False
        self._ahead: set[str] = set()
        self._silence = Silence()

    def run(self, wait: Callable[[float], object]) -> None:
        """Works until `wait`, which is called between two rounds, raises."""
        with self._limited():
            try:
                while True:
                    self._run_due()
                    wait(POLL_SECONDS)
            finally:
                self._give_back()

    def run_once(self) -> bool:
        """Runs what is due, then ends; whether all of it was done. Raises what the database says
        if it cannot be reached.
        """
        with self._limited():
            try:
                failed = [job for job in self.jobs if self._claimed(job) and not self._run(job)]
                return not failed
            finally:
                self._give_back()

    def run_due(self) -> None:
        """One round. A database that is away is told of once, and asked again in the next round."""
        with self._limited():
            self._run_due()

    def _limited(self) -> AbstractContextManager[None]:
        """Within the block a server that hangs is given up: see Note [Silence in a worker]."""
        seconds = settings.LEDGER_JOB_STATEMENT_TIMEOUT
        return limited_connections(seconds, self._silence.is_too_long)

    def _run_due(self) -> None:
        try:
            for job in self.jobs:
                if self._claimed(job):
                    self._run(job)
        except AWAY as error:
            if not self._is_away:
                self.complain(
                    "The database does not let work begin, which is tried again:"
                    f" {why_no_work(error)}"
                )
            self._is_away = True
        else:
            if self._is_away:
                self.tell("The database is back.")
            self._is_away = False
        finally:
            connection.close()  # the next round finds the server that is the writer then

    def _claimed(self, job: ScheduledJob) -> bool:
        self._silence.end()
        known, now = records.read(), records.clock()
        self._complain_of(ahead(known, now))
        return is_due(job, known, now) and records.claim(job=job, worker=self.name)

    def _complain_of(self, names: Sequence[str]) -> None:
        """Reports jobs with times that are yet to come, each once."""
        if new := sorted(set(names) - self._ahead):
            self.complain(TO_COME.format(names=", ".join(new)))
        self._ahead.update(new)

    def _run(self, job: ScheduledJob) -> bool:
        with context.told(lambda: {"job": job.name}):
            return self._is_done(job)

    def _is_done(self, job: ScheduledJob) -> bool:
        """Runs the command, which records itself; whether it was done. Raises only if the database
        is away.
        """
        try:
            with self._renewed(job):
                call_command(job.name, stdout=self.out, stderr=self.err)
        except CommandError as refusal:
            self.complain(f"{job.name} failed: {refusal}")
        except SystemExit as end:
            self.complain(f"{job.name} failed with exit code {end.code}.")
        except Exception as error:
            if isinstance(error, AWAY) and failure_of(error) not in OF_THE_JOB:
                raise  # the server, not the job
            # Its message may name people and amounts, which the log's format leaves out.
            logger.exception("The job %s failed.", job.name)
            self.complain(f"{job.name} failed; the log says why.")
        else:
            if self.tells_done:
                self.tell(f"{job.name}: done.")
            return True
        finally:
            if self.out is not None:
                self.out.flush()  # a seal's digest has to be kept
            with suppress(*AWAY):
                records.give_back(worker=self.name)
        return False

    @contextmanager
    def _renewed(self, job: ScheduledJob) -> Iterator[None]:
        """Renews the claim in a thread, on a connection of its own, while the block runs."""
        is_over = threading.Event()
        self._silence.end()

        def renew() -> None:
            with limited_connections(RENEW_TIMEOUT):
                while not is_over.wait(RENEW_SECONDS):
                    self._renew(job)
                    connection.close()

        thread = threading.Thread(target=renew, daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    def _renew(self, job: ScheduledJob) -> None:
        """Renews the claim, and notes whether the server has answered."""
        try:
            records.renew(name=job.name, worker=self.name)
        except AWAY as error:
            # AWS's driver and poolers say class 08 for a server that they cannot reach.
            if (sqlstate(error) or NO_ANSWER).startswith(NO_ANSWER):
                return
        self._silence.end()

    def _give_back(self) -> None:
        with suppress(*AWAY):
            records.give_back(worker=self.name)
        connection.close()
