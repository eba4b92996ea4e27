"""A command that is a job: whoever runs it, cron, a worker or a person, it is recorded."""

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
BY_THE_OWNER = (
    "this role may not write what was done when, or a web process could keep jobs from running and"
    " their alarms from ringing. Run it as the worker or the owner."
)


class JobCommand(BaseCommand):
    """`job` is the command's name; with one of the options `partial`, a run is not the whole job
    and is not recorded.
    """

    job: ClassVar[str]
    partial: ClassVar[tuple[str, ...]] = ()
    # Whether it is done, and recorded, while commits wait for a standby that is away; what is
    # printed then.
    goes_on_alone: ClassVar[bool] = False
    unconfirmed: ClassVar[str] = (
        "No standby confirms commits, so what this command writes waits until one is back:"
        " docs/runbook.md, LedgerStandbyIsLost, says what to do."
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
        return not (self.goes_on_alone and nobody_confirms())

    @contextmanager
    def _warned(self) -> Iterator[None]:
        """A run that cannot be recorded stays what it was."""
        try:
            yield
        except (DatabaseError, InterfaceError) as error:
            why = BY_THE_OWNER if sqlstate(error) == NO_RIGHT else f"{kind_of(error)}."
            self.stderr.write(f"This run of {self.job} is not recorded: {why}")


def kind_of(error: BaseException) -> str:
    """The class of an error, with its SQLSTATE or exit code; never its message, which may name
    people and amounts.
    """
    name = type(error).__name__
    if isinstance(error, SystemExit):
        return f"exit code {error.code}"
    state = sqlstate(error)
    return f"{name} {state}" if state else name
