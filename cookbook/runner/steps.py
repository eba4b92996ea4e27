"""Groups the queries of a recipe under headings, for recipes that compare several ways."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import groupby

from ledger.db.queries.work import QueryLog, RecordedQuery

IN_FULL = 3  # number of consecutive statements of the same shape that are shown in full


def of_one_shape(queries: Iterable[RecordedQuery]) -> Iterator[list[RecordedQuery]]:
    """Yields lists of consecutive statements that differ only in their values."""
    for _shape, run in groupby(queries, key=lambda query: (query.statement, query.error)):
        yield list(run)


@dataclass(slots=True)
class TraceSection:
    """The queries under one heading. `title` is "" for queries without a heading."""

    title: str
    queries: list[RecordedQuery]


@dataclass(slots=True)
class Trace:
    """All queries of a recipe, and for each step of the recipe which of these queries it sent."""

    work: QueryLog
    spans: list[tuple[str, int, int]] = field(default_factory=list)

    @property
    def sections(self) -> list[TraceSection]:
        """All queries in order, grouped by step. A step without queries has no section."""
        cuts: list[TraceSection] = []
        for number, query in enumerate(self.work.queries):
            inside = [title for title, start, end in self.spans if start <= number < end]
            title = inside[0] if inside else ""
            if not cuts or cuts[-1].title != title:
                cuts.append(TraceSection(title, []))
            cuts[-1].queries.append(query)
        return cuts


_trace: ContextVar[Trace | None] = ContextVar("cookbook_trace", default=None)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Shows the queries of the `with` block under a heading. Does nothing outside the cookbook."""
    trace = _trace.get()
    if trace is None:
        yield
        return
    start = len(trace.work.queries)
    try:
        yield
    finally:
        trace.spans.append((title, start, len(trace.work.queries)))


@contextmanager
def traced(work: QueryLog) -> Iterator[Trace]:
    """Records which queries each `step` in the `with` block sends. Yields the record."""
    trace = Trace(work)
    token = _trace.set(trace)
    try:
        yield trace
    finally:
        _trace.reset(token)
