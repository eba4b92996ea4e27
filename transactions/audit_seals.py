"""The check of the seals: each is as it was made, and so are the rows that it sealed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection

from accounts.models import EARLIEST
from ledger.db.local_settings import locally
from transactions import seal_text
from transactions.audit_checks import ONE_PASS
from transactions.audit_findings import Finding
from transactions.models import SealedDay
from transactions.seals import midnight

A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of `seals`, and the digest that it ought to have."""

    number: int
    version: int
    starts_at: datetime
    ends_at: datetime
    digest: bytes
    previous_digest: bytes | None
    row_count: int
    recomputed: bytes

    def __str__(self) -> str:
        until = self.ends_at.date() - A_DAY
        start = f"from {self.starts_at.date()} " if self.starts_at != EARLIEST else ""
        return f"seal {self.number} ({start}to {until})"


def seals(since: datetime | None = None, *, last: int | None = None) -> Iterator[Finding]:
    """The first period that no longer matches its seal, and the first row of it where it can.

    The chain of the seals is always checked whole; the rows from the day of `since` on. With
    `last`, nothing after the seal of that number.
    """
    stored = [seal for seal in _stored() if last is None or seal.number <= last]
    first = midnight(since.astimezone(UTC).date()) if since else EARLIEST
    broken_days = _broken_days(first, stored[-1].ends_at) if stored else {}
    before: Stored | None = None
    for seal in stored:
        wrong = _broken_chain(seal, before)
        if wrong is not None:
            yield Finding("seal", None, None, *wrong, seal=seal.number)
        for day, counts in broken_days.items():
            if seal.starts_at <= midnight(day) < seal.ends_at:
                yield _first_row(seal, day, *counts)
        before = seal


def _stored() -> list[Stored]:
    with connection.cursor() as cursor:
        cursor.execute(seal_text.SEALS)
        return [Stored(*row) for row in cursor.fetchall()]


def _broken_chain(seal: Stored, before: Stored | None) -> tuple[str, str] | None:
    """What is expected of a seal and what is there instead; None when it is as it was made."""
    number = before.number + 1 if before else 1
    if seal.number != number:
        return f"seal {number}", f"seal {seal.number} in its place"
    if seal.starts_at != (before.ends_at if before else EARLIEST):
        return f"{seal} where the one before ends", "a gap"
    if seal.version != seal_text.VERSION:
        return f"{seal} of version {seal_text.VERSION}", f"version {seal.version}"
    if seal.previous_digest != (before.digest if before else None):
        return f"{seal} after the digest of the one before", "another digest"
    if seal.recomputed != seal.digest:
        return f"{seal} with the digest of what stands in it and its days", "another digest"
    return None


def _broken_days(starts_at: datetime, ends_at: datetime) -> dict[date, tuple[int, int]]:
    """The days whose rows are no longer what was sealed, in order: rows sealed, rows now."""
    sealed = {
        day: (count, bytes(digest))
        for day, count, digest in SealedDay.objects.filter(
            day__gte=starts_at.date(), day__lt=ends_at.date()
        ).values_list("day", "row_count", "digest")
    }
    with locally(work_mem=ONE_PASS["work_mem"]), connection.cursor() as cursor:
        cursor.execute(seal_text.DAYS, {"starts_at": starts_at, "ends_at": ends_at})
        now = {day: (count, bytes(digest)) for day, count, digest in cursor.fetchall()}
    nothing = (0, b"")
    return {
        day: (sealed.get(day, nothing)[0], now.get(day, nothing)[0])
        for day in sorted({*sealed, *now})
        if sealed.get(day) != now.get(day)
    }


def _first_row(seal: Stored, day: date, sealed: int, now: int) -> Finding:
    """The first row of a day that is not as the fingerprints of its seal have it."""
    marks = SealedDay.objects.filter(day=day).values_list("fingerprints", flat=True).first() or b""
    differing = _differing(day, bytes(marks))
    if not differing:  # the last ones are gone, or a fingerprint could not tell
        place, account, transaction = now + 1, None, None
        found = "no row" if now < sealed else "another row somewhere on that day"
    else:
        place, account, transaction, mark = differing[0]
        follower = differing[1][3] if len(differing) > 1 else None
        found = _verdict(bytes(marks), place, bytes(mark), follower and bytes(follower))
    return Finding(
        "seal",
        str(account) if account else None,
        str(transaction) if transaction else None,
        f"row {min(place, sealed + 1):,} of {sealed:,} on {day} as {seal} has it",
        found,
        seal=seal.number,
    )


def _verdict(marks: bytes, place: int, mark: bytes, follower: bytes | None) -> str:
    """What became of the row at a place, counted from 1, from the rows around it."""
    expected, after = (marks[start : start + 4] for start in (4 * place - 4, 4 * place))
    if not expected or follower == expected:
        return "a row that was not there then"
    if after == mark:
        return "the row gone and the one after it in its place"
    return "another row"


def _differing(day: date, marks: bytes) -> list[tuple[int, Any, Any, bytes]]:
    """The first two rows of a day whose fingerprint is not the one at their place."""
    with connection.cursor() as cursor:
        cursor.execute(
            seal_text.DIFFERING_ROWS,
            {"starts_at": midnight(day), "ends_at": midnight(day + A_DAY), "marks": marks},
        )
        return list(cursor.fetchall())
