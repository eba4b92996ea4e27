"""Which audit counts now: a broken one stands until a later one has looked at all of it again.

A later audit of the last days that finds nothing says nothing of what was broken before them.
"""

from datetime import datetime
from typing import Any

from accounts.models import EARLIEST, LATEST
from transactions.models import AuditRun, Seal, Transaction

WHOLE = {"balance", "time", "held", "currency"}  # checked whole, whatever an audit begins from
MOST_LOOKED_AT = 50


def standing_run() -> AuditRun | None:
    """The last whole audit where what it found still stands, or the last one of some days of
    which that is true; where nothing is wrong, the last whole one, or the newest where none was.
    None before the first."""
    runs = AuditRun.objects.select_related("run_by")
    whole = runs.filter(since=None).first()
    if whole is not None and _stands(whole):
        return whole
    broken = runs.exclude(findings=[]).filter(since__isnull=False)
    if whole is not None:
        broken = broken.filter(started_at__gt=whole.started_at)
    standing = (run for run in broken[:MOST_LOOKED_AT] if _stands(run))
    clean = whole if whole is not None and whole.is_clean else None
    return next(standing, None) or clean or runs.first()


def _stands(run: AuditRun) -> bool:
    """Whether it found something, and no clean audit after it looked at that again."""
    if run.is_clean:
        return False
    after = AuditRun.objects.filter(started_at__gt=run.started_at, findings=[])
    if after.filter(since=None).exists():
        return False
    return not after.filter(since__lte=must_begin_by(run)).exists()


def must_begin_by(run: AuditRun) -> datetime:
    """From when on an audit must look to see all again that this one found: of a seal, all that
    was sealed in it. EARLIEST where only a whole one does."""
    from_its_beginning = run.since or EARLIEST
    latest = min((_seen_from(finding) for finding in run.found), default=LATEST)
    return max(from_its_beginning, latest)


def _seen_from(finding: dict[str, Any]) -> datetime:
    """From when on an audit must look to see this finding; EARLIEST where nobody can say.

    Of several of one kind only the first is named, and the others may be older.
    """
    if finding["check"] in WHOLE:
        return LATEST
    if finding["check"] == "seal":  # what is wrong after the first is younger
        made = Seal.objects.filter(number=finding["seal"]).first()
        return made.starts_at if made else EARLIEST
    if (finding.get("broken") or 1) > 1:
        return EARLIEST
    if finding["check"] == "rule" and finding["transaction"] is None:
        return LATEST  # a rule of accounts, which are all read each time
    row = Transaction.objects.filter(pk=finding["transaction"]).first()
    return row.created_at if row else EARLIEST
