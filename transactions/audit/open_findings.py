"""Finds audits with open findings. A finding is open until a later audit has checked the same rows
again.

If a later audit checks only the last days and is clean, older findings stay open. Several audits
may have open findings at the same time.
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

# Checks that every audit runs completely, even if the audit begins at a later time.
WHOLE = {"balance", "time", "held", "currency", "missing value", *CHECKS_OF_TABLES.values()}
BEGINS = Coalesce("since", Value(EARLIEST))
# The earliest start of all later runs; NULL for the newest run.
SEEN_SINCE = Window(
    Min(BEGINS),
    order_by=[F("started_at").desc(), F("id").desc()],
    frame=RowRange(end=-1),
)


@dataclass(frozen=True, slots=True)
class _Times:
    """The times that decide whether a finding is open: booking times of transactions, by id, and
    start times of seals, by number.
    """

    rows: dict[str, datetime]
    seals: dict[int | None, datetime]


def counting_run() -> AuditRun | None:
    """Returns the audit whose result pages show, or None if there are no audits.

    If some audits have open findings, this is the one of them whose checked period begins earliest.
    If no audit has open findings, it is the last complete audit if that is clean, or else the
    newest audit.
    """
    runs = AuditRun.objects.select_related("run_by")
    widest = next(iter(open_runs()), None)
    whole = runs.filter(since=None).first()
    clean = whole if whole is not None and whole.is_clean else None
    return widest or clean or runs.first()


def open_runs() -> list[AuditRun]:
    """Returns every audit with an open finding. The audit whose checked period begins earliest is
    the first.

    Sends three queries. An audit can have open findings only if its checked period begins earlier
    than the periods of all later audits.
    """
    runs: QuerySet[Any] = AuditRun.objects.select_related("run_by").annotate(seen_since=SEEN_SINCE)
    # One condition, because a separate filter would remove clean runs before the window is
    # computed.
    broken = ~Q(findings=[])
    wider = (broken & Q(seen_since=None)) | (broken & Q(seen_since__gt=BEGINS))
    found = list(runs.filter(wider).order_by("-started_at", "-id"))
    times = _times_of(found)
    open_ones = [
        run for run in found if run.seen_since is None or run.seen_since > _needs(run, times)
    ]
    return sorted(open_ones, key=lambda run: run.since or EARLIEST)


def must_begin_by(run: AuditRun) -> datetime:
    """Returns the latest `since` for a later audit that checks all findings of this audit again.
    For a finding about a seal, this is the start of the seal's period. Returns EARLIEST if only a
    complete audit checks all findings.
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
    """Returns the latest `since` with which an audit checks this finding again. Returns EARLIEST if
    this time is not known.

    For example, the time is not known if a check found several rows, but only the first finding was
    stored. The other findings may be about older rows.
    """
    if finding["check"] in WHOLE:
        return LATEST
    if finding["check"] == "seal":  # later rows may be wrong too
        return times.seals.get(finding.get("seal"), EARLIEST)
    # The time of a row of the register is not stored. A finding about a capture contains the id of
    # the hold, but the row that captures the hold may be older.
    if finding["check"] in (*register.SENTENCES, "capture") or (finding.get("broken") or 1) > 1:
        return EARLIEST
    if finding["check"] == "rule" and finding["transaction"] is None:
        return LATEST  # a rule of accounts: every audit reads all accounts
    return times.rows.get(finding["transaction"], EARLIEST)
