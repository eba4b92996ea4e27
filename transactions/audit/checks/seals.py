"""Checks that the seals, and the rows of sealed days, are unchanged."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, Window

from accounts.models import EARLIEST
from ledger.db.local_settings import locally
from ledger.text.dates import long_date
from ledger.text.lines import counted
from transactions.audit import digest as seal_text
from transactions.audit.checks.money import ONE_PASS
from transactions.audit.findings import Finding, named
from transactions.audit.sealing import days_without_seal, midnight
from transactions.models import Seal, SealedDay

A_DAY = timedelta(days=1)
NO_ROW, NEW_ROW, OTHER_ROW = "no row", "a row that was not there then", "another row"
ROW_ELSEWHERE = "another row somewhere on that day"
ROW_GONE = "the row gone and the one after it in its place"
OTHER_MARK = "the digest of the day, but another fingerprint"
CHANGES = {
    NO_ROW: "number {place:,} is gone",
    ROW_ELSEWHERE: "one of them was changed",
    NEW_ROW: "{row} was inserted later, as number {place:,}",
    ROW_GONE: "number {place:,} is gone: {row} has moved up into its place",
    OTHER_ROW: "number {place:,} is no longer what it was: {row} is there now",
    OTHER_MARK: "number {place:,} has another fingerprint, but the digest of the day is the same",
}
CHANGED = "was changed since it was made: its digest does not match its content and its days."


def seals(since: datetime | None = None, *, last: int | None = None) -> Iterator[Finding]:
    """Yields a finding for each broken seal, and then for each sealed day that changed. The finding
    about a day contains the first changed row if the row can be found.

    The chain of seals is always checked completely. If `since` is not None, rows are checked only
    from its day on. If `last` is not None, only the seals up to this number and their days are
    checked.
    """
    stored = [
        seal for seal in Seal.objects.raw(seal_text.SEALS) if last is None or seal.number <= last
    ]
    first = midnight(since.astimezone(UTC).date()) if since else EARLIEST
    days = SealedDay.objects.filter(seal_id__in=[seal.number for seal in stored])
    numbers = {day: number for day, number in days.values_list("day", "seal_id") if day}
    ends = [seal.ends_at for seal in stored[-1:]] + [midnight(day + A_DAY) for day in numbers]
    broken_days = _broken_days(first, max(ends)) if stored else {}
    for before, seal in zip([None, *stored], stored, strict=False):
        yield from _broken_chain(seal, before)
    if last is None:
        yield from _days_without_seal()
    by_number = {seal.number: seal for seal in stored}
    for day, counts in broken_days.items():
        if of := by_number.get(numbers.get(day, 0)):
            yield _first_row(of, day, *counts)
            continue
        # By the seal, this day has no rows. If the seal was changed, the true number of rows is not
        # known.
        inside = (seal for seal in stored if seal.starts_at <= midnight(day) < seal.ends_at)
        if of := next(inside, None):
            is_known = of.recomputed == of.digest
            yield _first_row(of, day, *counts) if is_known else _day_without_digest(of, day, counts)


def _broken_chain(seal: Seal, before: Seal | None) -> Iterator[Finding]:
    """Yields the first error in the row of the seal. Yields nothing if the row has no error.
    `before` is the previous seal.
    """
    number, label, whole = before.number + 1 if before else 1, seal.at_start, seal.with_period
    for is_broken, expected, found, sentence in (
        (
            seal.number != number, f"seal {number}", f"seal {seal.number} in its place",
            f"Seal {number} is missing: seal {seal.number} is in its place.",
        ),
        (
            seal.starts_at != (before.ends_at if before else EARLIEST),
            f"{whole} where the one before ends", "a gap",
            f"{label} does not begin where the one before it ends.",
        ),
        (
            seal.version != seal_text.VERSION,
            f"{whole} of version {seal_text.VERSION}", f"version {seal.version}",
            f"{label} has version {seal.version}, which does not exist.",
        ),
        (
            seal.previous_digest != (before.digest if before else None),
            f"{whole} after the digest of the one before", "another digest",
            f"{label} does not contain the digest of the seal before it.",
        ),
        (
            seal.recomputed != seal.digest,
            f"{whole} with the digest of its content and its days", "another digest",
            f"{label} {CHANGED}",
        ),
    ):  # fmt: skip
        if is_broken:
            yield Finding("seal", None, None, expected, found, seal=seal.number, sentence=sentence)
            return


def _days_without_seal() -> Iterator[Finding]:
    """Yields one finding, about the first row of SealedDay whose seal does not exist. Such a row
    prevents the next seal.
    """
    for found in days_without_seal().annotate(broken=Window(Count("*")))[:1]:
        day = long_date(found.day) if found.day else "no day"
        yield Finding(
            "seal",
            None,
            None,
            f"a seal {found.seal_id}, to which {found.day} belongs",
            "no such seal",
            found.broken,
            sentence=f"The row of {day} in sealed_days names seal {found.seal_id},"
            " which does not exist, so no further seal is made. Find out who wrote it. The owner of"
            " the tables deletes it, with the triggers of sealed_days disabled.",
        )


def _broken_days(starts_at: datetime, ends_at: datetime) -> dict[date, tuple[int, int, bool]]:
    """Returns a dict from each day that changed to a tuple: the number of its rows when the day was
    sealed, the number of its rows now, and whether only its fingerprints differ. The days are in
    order.
    """
    period = {"starts_at": starts_at, "ends_at": ends_at}
    days = {"first": starts_at.date(), "end": ends_at.date()}
    with locally(work_mem=ONE_PASS["work_mem"]), connection.cursor() as cursor:
        cursor.execute(seal_text.BROKEN_DAYS, {**period, **days})
        return {day: (sealed, now, same) for day, sealed, now, same in cursor.fetchall()}


def _day_without_digest(seal: Seal, day: date, counts: tuple[int, int, bool]) -> Finding:
    """Returns the finding about a day that has rows, but no digest in `seal`, which covers this
    day. The seal was changed, so the audit cannot check the rows of the day.
    """
    return Finding(
        "seal",
        None,
        None,
        f"{seal.with_period} with the digest of {day}",
        "no digest of this day",
        seal=seal.number,
        sentence=f"{seal.at_start} was changed and has no digest of {long_date(day)}, so it is"
        f" unknown whether the {counted(counts[1], 'transaction')} of that day existed when the"
        " seal was made.",
        day=str(day),
    )


def _first_row(seal: Seal, day: date, sealed: int, now: int, has_same_rows: bool) -> Finding:
    """Returns the finding about a changed day, with the first row that does not match its
    fingerprint. The finding has no row if all rows match their fingerprints, or if the rows match
    the digest of the day.
    """
    marks = SealedDay.objects.filter(day=day).values_list("fingerprints", flat=True).first() or b""
    differing = _differing(day, bytes(marks))
    if not differing:  # the last rows are missing, or the fingerprints are equal by chance
        place, account, transaction = now + 1, None, None
        found = NO_ROW if now < sealed else ROW_ELSEWHERE
    else:
        place, account, transaction, mark = differing[0]
        follower = differing[1][3] if len(differing) > 1 else None
        found = _change_found(bytes(marks), place, bytes(mark), follower and bytes(follower))
    if has_same_rows:
        account, transaction, found = None, None, OTHER_MARK
    row = f"transaction {transaction} on {named(account)}"
    change = CHANGES[found].format(place=place, row=row)
    return Finding(
        "seal",
        str(account) if account else None,
        str(transaction) if transaction else None,
        f"row {min(place, sealed + 1):,} of {sealed:,} on {day} as {seal.with_period} has it",
        found,
        seal=seal.number,
        sentence=f"{seal.at_start} no longer matches: it sealed {counted(sealed, 'transaction')} of"
        f" {long_date(day)}, and {change}.",
        day=str(day),
    )


def _change_found(marks: bytes, place: int, mark: bytes, follower: bytes | None) -> str:
    """Returns a text about the change of the row at a position of its day (from 1): the row is new,
    a row was deleted, or the row differs. Compares its fingerprint with the fingerprints of the
    neighbouring rows.
    """
    expected, after = (marks[start : start + 4] for start in (4 * place - 4, 4 * place))
    if not expected or follower == expected:
        return NEW_ROW
    if after == mark:
        return ROW_GONE
    return OTHER_ROW


def _differing(day: date, marks: bytes) -> list[tuple[int, Any, Any, bytes]]:
    """Returns the first two rows of a day whose fingerprint differs from the stored fingerprint at
    the same position.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            seal_text.DIFFERING_ROWS,
            {"starts_at": midnight(day), "ends_at": midnight(day + A_DAY), "marks": marks},
        )
        return list(cursor.fetchall())
