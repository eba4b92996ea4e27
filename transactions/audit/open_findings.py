"""Which findings are still open: a broken audit counts until a later audit has covered all of it.

A later clean audit of the last days says nothing about older findings. Several broken audits may be
open at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Min, Q, QuerySet, RowRange, Value, Window
from django.db.models.functions import Coalesce

from accounts.models import EARLIEST, LATEST
from transactions.audit.checks import register
from transactions.audit.checks.recorded import CHECKS_OF_TABLES
from transactions.models import AuditRun, Seal, Transaction

# Checks that every audit makes completely, whatever its start.
WHOLE = {"balance", "time", "held", "currency", "missing value", *CHECKS_OF_TABLES.values()}
BEGINS = Coalesce("since", Value(EARLIEST))
# The earliest start of what all later runs checked; null for the newest run.
SEEN_SINCE = Window(
    Min(BEGINS),
    order_by=[F("started_at").desc(), F("id").desc()],
    frame=RowRange(end=-1),
)


@dataclass(frozen=True, slots=True)
class _Times:
    """The times on which findings depend: when their rows were booked, when their seals begin."""

    rows: dict[str, datetime]
    seals: dict[int | None, datetime]


def counting_run() -> AuditRun | None:
    """The widest open audit; if none is open, the last complete one if clean, else the newest. None
    if there is no audit.
    """
    runs = AuditRun.objects.select_related("run_by")
    widest = next(iter(open_runs()), None)
    whole = runs.filter(since=None).first()
    clean = whole if whole is not None and whole.is_clean else None
    return widest or clean or runs.first()


def open_runs() -> list[AuditRun]:
    """Every audit with an open finding, the widest first.

    Three queries. Only an audit that looked further back than all later ones can be open.
    """
    runs: QuerySet[Any] = AuditRun.objects.select_related("run_by").annotate(seen_since=SEEN_SINCE)
    # One condition: a separate filter would remove clean runs before the window is computed.
    broken = ~Q(findings=[])
    wider = (broken & Q(seen_since=None)) | (broken & Q(seen_since__gt=BEGINS))
    found = list(runs.filter(wider).order_by("-started_at", "-id"))
    times = _times_of(found)
    open_ones = [
        run for run in found if run.seen_since is None or run.seen_since > _needs(run, times)
    ]
    return sorted(open_ones, key=lambda run: run.since or EARLIEST)


def must_begin_by(run: AuditRun) -> datetime:
    """The latest `since` with which a later audit covers every finding of this one; for a seal, the
    start of its period. EARLIEST if only a complete audit does.
    """
    return _needs(run, _times_of([run]))


def _times_of(runs: Iterable[AuditRun]) -> _Times:
    findings = [finding for run in runs for finding in run.found]
    named = {finding["transaction"] for finding in findings} - {None}
    moments = Transaction.objects.filter(pk__in=named).values_list("pk", "created_at")
    numbers = {finding["seal"] for finding in findings if finding.get("seal")}
    seals = Seal.objects.filter(number__in=numbers)
    return _Times(
        {str(pk): moment for pk, moment in moments}, dict(seals.values_list("number", "starts_at"))
    )


def _needs(run: AuditRun, times: _Times) -> datetime:
    from_its_beginning = run.since or EARLIEST
    latest = min((_seen_from(finding, times) for finding in run.found), default=LATEST)
    return max(from_its_beginning, latest)


def _seen_from(finding: dict[str, Any], times: _Times) -> datetime:
    """From when an audit must look to cover this finding; EARLIEST if unknown. Only the first
    finding of a kind is stored, and the others may be older.
    """
    if finding["check"] in WHOLE:
        return LATEST
    if finding["check"] == "seal":  # later rows may be wrong too
        return times.seals.get(finding.get("seal"), EARLIEST)
    # It is not stored when a row of the register was written; and a finding of a capture names the
    # hold, where the row that captures it may be older.
    if finding["check"] in (*register.SENTENCES, "capture") or (finding.get("broken") or 1) > 1:
        return EARLIEST
    if finding["check"] == "rule" and finding["transaction"] is None:
        return LATEST  # a rule of accounts, which are all read each time
    return times.rows.get(finding["transaction"], EARLIEST)
