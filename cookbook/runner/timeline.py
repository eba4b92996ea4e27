"""Sorts the SQL statements of several sessions by time.

A statement that waits for a lock has two rows: one row at the start of the wait, and one row after
the statement that ended the wait.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cookbook.runner.sessions import SessionStep
from ledger.db.queries.work import RecordedQuery
from ledger.text.sql_layout import lay_out


@dataclass(slots=True, eq=False)
class TimelineRow:
    """A row of the timeline: a statement, or the end of a statement that has waited.

    A statement that waits has two rows. In the second row, for the end of the wait, `began` is the
    first row. In both rows, `waits_for` contains the names of the sessions that have the lock.
    `outcome` is the return value of the step.
    """

    session: str
    when: tuple[float, int]
    query: RecordedQuery | None = None
    began: "TimelineRow | None" = None
    waits_for: str = ""
    error: str = ""
    outcome: str = ""
    number: int = 0

    @property
    def who(self) -> str:
        return self.session.title()

    @property
    def begins_to_wait(self) -> bool:
        return bool(self.waits_for) and self.began is None

    @property
    def milliseconds(self) -> float | None:
        """The duration of the statement, or None if there is no query, or if this row is the start
        of a wait.
        """
        query = self.began.query if self.began else self.query
        return None if query is None or self.begins_to_wait else query.milliseconds


def timeline(steps: Sequence[SessionStep]) -> list[TimelineRow]:
    """Returns the rows of all sessions, ordered by time. The rows are numbered from 1."""
    waits = _waits(steps)
    rows = sorted((row for step in steps for row in _of(step, waits)), key=lambda row: row.when)
    for number, row in enumerate(rows, start=1):
        row.number = number
    return rows


@dataclass(frozen=True, slots=True)
class _Wait:
    """A query that waited for a lock: its step, its start and its end."""

    step: SessionStep
    query: RecordedQuery
    began: float
    ended: float

    def met(self, other: "_Wait") -> bool:
        """Returns whether the two queries waited for each other."""
        return (
            self.step.session.title() in other.step.waited_for
            and other.step.session.title() in self.step.waited_for
            and max(self.began, other.began) < min(self.ended, other.ended)
        )


def _waits(steps: Sequence[SessionStep]) -> list[_Wait]:
    waits = []
    for step in steps:
        if step.waited_for:
            sent = [
                _Wait(step, query, *span)
                for query, span in zip(step.queries, step.spans, strict=True)
                if span[0] <= step.waited_at
            ]
            waits += sent[-1:]
    return waits


def _of(step: SessionStep, waits: Sequence[_Wait]) -> Iterator[TimelineRow]:
    """Yields the rows of one step. The last row contains the result of the step."""
    rows: list[TimelineRow] = []
    for query, (began, _ended) in zip(step.queries, step.spans, strict=True):
        row = TimelineRow(step.session, (began, 0), query, error=query.error)
        rows.append(row)
        for wait in waits:
            if wait.query is query:
                row.waits_for, row.error = " and ".join(step.waited_for), ""
                end = TimelineRow(step.session, _end(wait, waits), began=row, error=query.error)
                end.waits_for = row.waits_for
                rows.append(end)
    if not rows and (step.outcome or step.error):
        rows.append(TimelineRow(step.session, (step.began, 0)))
    if rows:
        rows[-1].outcome = step.outcome
        rows[-1].error = rows[-1].error or step.final_error
    yield from rows


def _end(wait: _Wait, waits: Sequence[_Wait]) -> tuple[float, int]:
    """Returns the sort key for the end of a wait.

    In a deadlock, the session that Postgres refuses releases the other session, and the two may end
    in any order. The refusal always comes first.
    """
    freed = [
        other.ended
        for other in waits
        if wait.query.error and not other.query.error and wait.met(other)
    ]
    return min([wait.ended, *freed]), -len(freed)


def written(steps: Sequence[SessionStep], *, with_outcomes: bool = False) -> Iterator[str]:
    """Yields the lines of the timeline as SQL with comments."""
    last = ""
    for row in timeline(steps):
        if row.began:
            yield f"-- {row.who} has waited for {row.waits_for}: {row.error or 'done'}"
        elif row.session != last:
            yield f"-- {row.who}"
        last = row.session
        if row.query:
            yield f"{lay_out(row.query.sql)};"
        if row.begins_to_wait:
            yield f"-- waits for {row.waits_for}"
        if row.error and not row.began:
            yield f"-- {row.error}"
        if row.outcome and with_outcomes:
            yield f"-> {row.outcome}"
