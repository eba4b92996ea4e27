"""One process that does the scheduled work. Several may run: each run of a job is one worker's."""

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, InterfaceError, connection

from ledger.db.retry import Failure, failure_of
from ledger.jobs import records
from ledger.jobs.schedule import JOBS, ScheduledJob, is_due

POLL_SECONDS = 10
RENEW_SECONDS = records.CLAIM_SECONDS / 3
AWAY = (DatabaseError, InterfaceError)
Tell = Callable[[str], object]

logger = logging.getLogger("ledger.jobs")


class Worker:
    """Runs what is due. `out` and `err` get what the commands print; `tell` gets lines of ours."""

    def __init__(
        self, *, tell: Tell, out: Any = None, err: Any = None, jobs: Sequence[ScheduledJob] = JOBS
    ) -> None:
        # Random letters: process numbers repeat, in containers at each start.
        self.name = f"{socket.gethostname()[:60]}:{os.getpid()}:{os.urandom(4).hex()}"
        self.tell, self.out, self.err, self.jobs = tell, out, err, jobs
        self._is_away = False

    def run(self, wait: Callable[[float], object]) -> None:
        """Works until `wait`, which is called between two rounds, raises."""
        try:
            while True:
                self.run_due()
                wait(POLL_SECONDS)
        finally:
            self._give_back()

    def run_once(self) -> bool:
        """Runs what is due, then ends; whether all of it was done. Raises what the database says
        if it cannot be reached.
        """
        try:
            failed = [job for job in self.jobs if self._claimed(job) and not self._run(job)]
            return not failed
        finally:
            self._give_back()

    def run_due(self) -> None:
        """One round. A database that is away is told of once, and asked again in the next round."""
        try:
            for job in self.jobs:
                if self._claimed(job):
                    self._run(job)
        except AWAY as error:
            if not self._is_away:
                reason = str(error).strip().partition("\n")[0]
                self.tell(f"The database does not let work begin, which is tried again: {reason}")
            self._is_away = True
        else:
            if self._is_away:
                self.tell("The database is back.")
            self._is_away = False
        finally:
            connection.close()  # the next round finds the server that is the writer then

    def _claimed(self, job: ScheduledJob) -> bool:
        if not is_due(job, records.read(), records.clock()):
            return False
        return records.claim(job=job, worker=self.name)

    def _run(self, job: ScheduledJob) -> bool:
        """Runs the command, which records itself; whether it was done. Raises only if the database
        is away.
        """
        try:
            with self._renewed(job):
                call_command(job.name, stdout=self.out, stderr=self.err)
        except CommandError as refusal:
            self.tell(f"{job.name} failed: {refusal}")
        except SystemExit as end:
            self.tell(f"{job.name} failed with exit code {end.code}.")
        except Exception as error:
            if isinstance(error, AWAY) and failure_of(error) is not Failure.FINAL:
                raise  # the server, not the job
            # Its message may name people and amounts, which the log's format leaves out.
            logger.exception("The job %s failed.", job.name)
            self.tell(f"{job.name} failed; the log says why.")
        else:
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

        def renew() -> None:
            while not is_over.wait(RENEW_SECONDS):
                with suppress(*AWAY):
                    records.renew(name=job.name, worker=self.name)
                connection.close()

        thread = threading.Thread(target=renew, daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    def _give_back(self) -> None:
        with suppress(*AWAY):
            records.give_back(worker=self.name)
        connection.close()
