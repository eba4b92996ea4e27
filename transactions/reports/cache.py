"""Keeps the rows of reports that cannot change any more, so that they need not be read again.

Note [What may be kept]: the rows of a report over the whole bank, without a name in it, from
entries that all lie in sealed periods. Nothing is ever booked into those, and nothing in them
changes (see `transactions.audit.sealing`). What belongs to one person is never kept, and never
what is not sealed yet, though it seldom changes.
"""

import hashlib
import inspect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from ledger.db.work import QueryLog, RecordedQuery
from transactions.models import Seal
from transactions.reports.report import Report, ReportParameters, Row

MOST_ROWS = 2000
A_WEEK = 7 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows of an earlier run, the queries that gave them, when, and the seal that closes them."""

    rows: Sequence[Row]
    queries: list[RecordedQuery]
    at: datetime
    seal: int


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """Where the rows of one report for one set of parameters are kept."""

    key: str
    seal: int

    def get(self) -> Kept | None:
        """What is kept there; None for nothing."""
        kept: Kept | None = cache.get(self.key)
        return kept

    def keep(self, rows: Sequence[Row], work: QueryLog) -> None:
        """Keeps rows for a week at most, if they are not too many."""
        if len(rows) <= MOST_ROWS:
            queries = [replace(query, params=None, plan="") for query in work.queries]
            cache.set(self.key, Kept(rows, queries, timezone.now(), self.seal), A_WEEK)


def place_of(report: Report, asked: ReportParameters) -> CacheEntry | None:
    """Where the rows may be kept; None where they may still change, or are somebody's own.

    The key names all they depend on: what is asked, the seal (by its digest, so that other
    books have other rows), the time zone, and the source of the report itself.
    """
    final_from = report.final_from(asked) if asked.scope.is_bank else None
    if final_from is None:
        return None
    seal = Seal.objects.order_by("-number").first()
    if seal is None or seal.ends_at < final_from:
        return None
    parts = (report.function, *report.parts)
    facts = (
        report.slug,
        sorted(asked.values.items()),
        seal.number,
        seal.hex_digest,
        settings.TIME_ZONE,
        [inspect.getsource(part) for part in parts],
    )
    return CacheEntry(f"report:{hashlib.sha256(repr(facts).encode()).hexdigest()}", seal.number)
