"""A base class for commands that are jobs. Every run is recorded, whether cron, a worker or a
person has started it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError

from ledger.db.commits.confirmation import nobody_confirms
from ledger.db.retry import sqlstate
from ledger.jobs import records
from ledger.tracing import spans

NO_RIGHT = "42501"
NOT_ALLOWED_TO_RECORD = (
    "this role may not record jobs, because a web process could then stop jobs and suppress their"
    " alarms. Run the command as the worker or the owner."
)


class JobCommand(BaseCommand):
    """A command that is recorded as a job.

    `job` is the name of the command. `partial` contains options with which the command does only a
    part of the job. A run with one of these options is not recorded.
    """

    runs_unattended: ClassVar[bool] = True  # so the log contains its output
    job: ClassVar[str]
    partial: ClassVar[tuple[str, ...]] = ()
    # Whether the job runs and is recorded even if no standby confirms commits. In that case, the
    # message `unconfirmed` is printed.
    runs_unconfirmed: ClassVar[bool] = False
    unconfirmed: ClassVar[str] = (
        "No standby confirms commits, so what this command writes waits until a standby is back."
        " See LedgerStandbyIsLost in docs/runbook.md."
    )

    def execute(self, *arguments: Any, **options: Any) -> str | None:
        if nobody_confirms():
            self.stderr.write(self.unconfirmed)
        with spans.begin(f"job {self.job}", {"ledger.job": self.job}):
            if any(options.get(option) for option in self.partial):
                return super().execute(*arguments, **options)
            with self._recorded():
                return super().execute(*arguments, **options)

    @contextmanager
    def _recorded(self) -> Iterator[None]:
        began_at = records.clock()
        try:
            yield
        except (Exception, SystemExit) as error:
            with self._warned():
                records.note_failed(name=self.job, error=kind_of(error), waits=self._waits())
            raise
        with self._warned():
            records.note_done(name=self.job, began_at=began_at, waits=self._waits())

    def _waits(self) -> bool:
        return not (self.runs_unconfirmed and nobody_confirms())

    @contextmanager
    def _warned(self) -> Iterator[None]:
        """Prints a warning if the run cannot be recorded. The run itself does not fail."""
        try:
            yield
        except (DatabaseError, InterfaceError) as error:
            why = NOT_ALLOWED_TO_RECORD if sqlstate(error) == NO_RIGHT else f"{kind_of(error)}."
            self.stderr.write(f"This run of {self.job} is not recorded: {why}")


def kind_of(error: BaseException) -> str:
    """Returns the class of an error, with its SQLSTATE or exit code. Leaves out the message, which
    may contain names and amounts.
    """
    name = type(error).__name__
    if isinstance(error, SystemExit):
        return f"exit code {error.code}"
    state = sqlstate(error)
    return f"{name} {state}" if state else name
