"""Caches the rows of reports that read only sealed entries.

Note [What may be cached]: the rows of a report may be cached if the report covers the whole bank,
contains no names, and reads only entries in sealed periods. Such rows never become stale, because
sealed periods never change and never get new entries (see `transactions.audit.sealing`). Rows of
one customer and rows of unsealed periods are never cached.
"""

import hashlib
import inspect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from ledger.db.queries.work import QueryLog, RecordedQuery
from transactions.models import Seal
from transactions.reports.report import Report, ReportParameters, Row

MAX_ROWS = 2000
A_WEEK = 7 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class CachedRows:
    """The rows of an earlier run of a report, with the queries and the time of the run, and the
    number of the newest seal at that time.
    """

    rows: Sequence[Row]
    queries: list[RecordedQuery]
    at: datetime
    seal: int


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """The cache entry for the rows of one report with one set of parameters."""

    key: str
    seal: int

    def get(self) -> CachedRows | None:
        """Returns the cached rows, or None."""
        cached: CachedRows | None = cache.get(self.key)
        return cached

    def store(self, rows: Sequence[Row], work: QueryLog) -> None:
        """Caches the rows for a week. Does nothing for more than MAX_ROWS rows."""
        if len(rows) <= MAX_ROWS:
            queries = [replace(query, params=None, plan="") for query in work.queries]
            cache.set(self.key, CachedRows(rows, queries, timezone.now(), self.seal), A_WEEK)


def cache_entry(report: Report, params: ReportParameters) -> CacheEntry | None:
    """Returns the cache entry of a report with these parameters. Returns None if the rows may still
    change, contain names, or belong to one customer.

    The key depends on everything that can change the rows: the parameters, the digest of the newest
    seal (each database has different digests), the time zone, and the source code of the report.
    """
    final_from = report.final_from(params) if params.scope.is_bank else None
    if final_from is None:
        return None
    seal = Seal.objects.order_by("-number").first()
    if seal is None or seal.ends_at < final_from:
        return None
    parts = (report.function, *report.parts)
    facts = (
        report.slug,
        sorted(params.values.items()),
        seal.number,
        seal.hex_digest,
        settings.TIME_ZONE,
        [inspect.getsource(part) for part in parts],
    )
    return CacheEntry(f"report:{hashlib.sha256(repr(facts).encode()).hexdigest()}", seal.number)
