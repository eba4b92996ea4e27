"""The process that runs scheduled jobs. Several of these processes may run in parallel, because
each run of a job belongs to one worker.
"""

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
RENEW_TIMEOUT = 5.0  # seconds; the SQL statement is short and has a separate connection
AWAY = (DatabaseError, InterfaceError)
NO_ANSWER = "08"  # the SQLSTATE class of connection exceptions
# Failures of the job and not of the server.
JOB_FAILURES = frozenset({Failure.FINAL, Failure.TIMED_OUT})
FUTURE_TIMES = (
    "job_records has times of {names} in the future, probably because a clock ran ahead. They count"
    " as missing, so the jobs run when they are due. Set the database's clock with NTP."
)
Report = Callable[[str], object]

logger = logging.getLogger("ledger.jobs")


class Worker:
    """A worker that runs the jobs that are due.

    `out` and `err` receive the output of the commands. `report` is called with messages about
    normal events, and `complain` with messages about failures. `reports_done` is whether each
    finished job is reported.
    """

    def __init__(
        self,
        *,
        report: Report,
        complain: Report | None = None,
        out: Any = None,
        err: Any = None,
        jobs: Sequence[ScheduledJob] = JOBS,
        reports_done: bool = True,
    ) -> None:
        # The name contains random letters, because process numbers repeat. In containers they
        # repeat at each start.
        self.name = f"{socket.gethostname()[:60]}:{os.getpid()}:{os.urandom(4).hex()}"
        self.complain = complain or report
        self.report, self.out, self.err, self.jobs = report, out, err, jobs
        self.reports_done = reports_done
        self._is_away = False
        self._ahead: set[str] = set()
        self._silence = Silence()

    def run(self, wait: Callable[[float], object]) -> None:
        """Runs the jobs that are due, again and again. Calls `wait` after each round. Ends when
        `wait` raises an exception.
        """
        with self._limited():
            try:
                while True:
                    self._run_due()
                    wait(POLL_SECONDS)
            finally:
                self._give_back()

    def run_once(self) -> bool:
        """Runs the jobs that are due once, and returns whether all were done. Raises the database's
        error if the database cannot be reached.
        """
        with self._limited():
            try:
                failed = [job for job in self.jobs if self._claimed(job) and not self._run(job)]
                return not failed
            finally:
                self._give_back()

    def run_due(self) -> None:
        """Runs the jobs that are due once. If the database cannot be reached, reports the outage
        only the first time.
        """
        with self._limited():
            self._run_due()

    def _limited(self) -> AbstractContextManager[None]:
        """Returns a context manager that closes a connection if its server hangs: see Note [Silence
        in a worker].
        """
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
                    "The worker cannot start jobs because of the database, and tries again:"
                    f" {why_no_work(error)}"
                )
            self._is_away = True
        else:
            if self._is_away:
                self.report("The database is back.")
            self._is_away = False
        finally:
            # The next round connects to the server that is the writer at that time.
            connection.close()

    def _claimed(self, job: ScheduledJob) -> bool:
        self._silence.end()
        known, now = records.read(), records.clock()
        self._complain_of(ahead(known, now))
        return is_due(job, known, now) and records.claim(job=job, worker=self.name)

    def _complain_of(self, names: Sequence[str]) -> None:
        """Reports jobs whose records contain a future time, once per job."""
        if new := sorted(set(names) - self._ahead):
            self.complain(FUTURE_TIMES.format(names=", ".join(new)))
        self._ahead.update(new)

    def _run(self, job: ScheduledJob) -> bool:
        with context.with_facts(lambda: {"job": job.name}):
            return self._is_done(job)

    def _is_done(self, job: ScheduledJob) -> bool:
        """Runs the job's command and returns whether the job was done. The command itself writes
        `job_records`. Raises an exception only if the database cannot be reached.
        """
        try:
            with self._renewed(job):
                call_command(job.name, stdout=self.out, stderr=self.err)
        except CommandError as refusal:
            self.complain(f"{job.name} failed: {refusal}")
        except SystemExit as end:
            self.complain(f"{job.name} failed with exit code {end.code}.")
        except Exception as error:
            if isinstance(error, AWAY) and failure_of(error) not in JOB_FAILURES:
                raise  # this is a failure of the server and not of the job
            # The message may contain names and amounts, which the format of the log removes.
            logger.exception("The job %s failed.", job.name)
            self.complain(f"{job.name} failed. See the log for the reason.")
        else:
            if self.reports_done:
                self.report(f"{job.name}: done.")
            return True
        finally:
            if self.out is not None:
                self.out.flush()  # the digest of a seal must not be lost
            with suppress(*AWAY):
                records.give_back(worker=self.name)
        return False

    @contextmanager
    def _renewed(self, job: ScheduledJob) -> Iterator[None]:
        """Renews the claim while the block runs, in a thread with a separate connection."""
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
        """Renews the claim. If the server answers, also sets the time of silence to zero."""
        try:
            records.renew(name=job.name, worker=self.name)
        except AWAY as error:
            # AWS's driver and poolers report an error of class 08 if they cannot reach the server.
            if (sqlstate(error) or NO_ANSWER).startswith(NO_ANSWER):
                return
        self._silence.end()

    def _give_back(self) -> None:
        with suppress(*AWAY):
            records.give_back(worker=self.name)
        connection.close()
