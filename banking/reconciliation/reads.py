"""Reads for the pages of a reconciliation."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import (
    Case,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    Q,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Abs, Extract, Length, Lower, Replace, StrIndex
from django.db.models.lookups import Exact, GreaterThan, In
from django.utils import timezone

from accounts.models import MoneyField
from banking.reconciliation.models import (
    Reconciliation,
    ReconciliationLine,
    ReconciliationMatch,
    booked_on,
)
from ledger.text.dates import end_of_day, start_of_day
from transactions.models import BOOKED_AT, Transaction

UNLIKE = 2  # distance if neither the reference nor the description is the same
AROUND = 10  # days between a line and its suggestions
SUGGESTED = 20  # payments, for one line
SHOWN_ELSEWHERE = 3  # payments for a line that are already matched with other lines
TOO_SHORT = 3  # characters: a reference such as "7" appears in many texts


@dataclass(frozen=True, slots=True)
class Part:
    """The number of some lines, and their sum with signs."""

    count: int
    total: Decimal


@dataclass(frozen=True, slots=True)
class Figures:
    """The settled and open parts of a file; the last three add up to the first. The matched part of
    a partly matched line is in the total of `matched`, and its rest in `left` or `open`.
    """

    all: Part
    matched: Part
    left: Part
    open: Part

    @property
    def may_be_signed(self) -> bool:
        return not self.open.count


def figures_of(reconciliation: Reconciliation) -> Figures:
    """Returns the counts and sums of a file, in one query."""
    is_matched, is_left = Q(matched=Abs("amount")), ~Q(leftover="")
    kinds = {
        "all": Q(), "matched": is_matched, "left": is_left & ~is_matched,
        "open": Q(leftover="") & ~is_matched,
    }  # fmt: skip
    signed = Case(
        When(amount__lt=0, then=-F("matched")), default=F("matched"), output_field=MoneyField()
    )
    lines = ReconciliationLine.objects.of(reconciliation).with_matched().annotate(signed=signed)
    totals = {
        "all": Sum("amount"), "matched": Sum("signed"),
        "left": Sum(F("amount") - F("signed"), filter=kinds["left"]),
        "open": Sum(F("amount") - F("signed"), filter=kinds["open"]),
    }  # fmt: skip
    found = lines.aggregate(
        **{f"{name}_count": Count("pk", filter=which) for name, which in kinds.items()},
        **{f"{name}_total": total for name, total in totals.items()},
    )
    return Figures(
        **{
            name: Part(found[f"{name}_count"], found[f"{name}_total"] or Decimal(0))
            for name in kinds
        }
    )


def lines_of(reconciliation: Reconciliation, show: str) -> Any:
    """Returns the lines in the order of the file; `show` is open, left, matched or all."""
    lines: Any = ReconciliationLine.objects.of(reconciliation).with_matched().order_by("number")
    if show == "open":
        return lines.unsettled()
    if show == "left":
        return lines.exclude(leftover="").exclude(matched=Abs("amount"))
    return lines.filter(matched=Abs("amount")) if show == "matched" else lines


def not_in_file(reconciliation: Reconciliation) -> Any:
    """Returns the payments of the books on the days of the file that are not fully matched."""
    return (
        _within(reconciliation, reconciliation.first_on, reconciliation.last_on)
        .filter(unmatched__gt=0)
        .oldest_first()
    )


def total_not_in_file(reconciliation: Reconciliation) -> Part:
    """Returns the number of these payments, and their unmatched sum with signs."""
    rows = not_in_file(reconciliation).order_by()
    found = rows.aggregate(
        count=Count("pk"),
        into=Sum("unmatched", filter=Q(signed__gt=0)),
        out=Sum("unmatched", filter=Q(signed__lt=0)),
    )
    return Part(found["count"], (found["into"] or Decimal(0)) - (found["out"] or Decimal(0)))


def add_suggestions(reconciliation: Reconciliation, lines: Iterable[ReconciliationLine]) -> None:
    """Sets `suggested` on each open line of a page: the best payment with exactly its rest, or
    None.
    """
    open_lines = [line for line in lines if not line.leftover and line.rest]
    for line in open_lines:
        line.suggested = None  # type: ignore[attr-defined]
    if not open_lines:
        return
    days = [line.booked_on for line in open_lines]
    rows = _within(
        reconciliation, min(days) - timedelta(days=AROUND), max(days) + timedelta(days=AROUND)
    ).filter(amount__in={line.rest for line in open_lines}, unmatched__gt=0)
    likeliest = Case(
        When(
            In(
                _plain_of("reference"),
                {_plain(line.reference) for line in open_lines if line.reference},
            ),
            then=0,
        ),
        When(created_at__range=(start_of_day(min(days)), end_of_day(max(days))), then=1),
        default=2,
    )  # the likeliest first, because the query is limited
    found = list(rows.with_sides().order_by(likeliest, BOOKED_AT)[: 10 * len(open_lines)])
    for line in open_lines:
        fits = [
            paid
            for paid in found
            if paid.unmatched == line.rest and _same_way(line, paid) and _is_likely(line, paid)
        ]
        best = min(fits, key=lambda paid: _distance(line, paid), default=None)
        line.suggested = best  # type: ignore[attr-defined]
        if best is not None:
            found.remove(best)


def suggestions(reconciliation: Reconciliation, line: ReconciliationLine) -> list[Transaction]:
    """Returns the payments that may match this line or a part of it, the likeliest first."""
    around = timedelta(days=AROUND)
    rows = _within(reconciliation, line.booked_on - around, line.booked_on + around)
    way = Q(signed__gt=0) if line.amount > 0 else Q(signed__lt=0)
    found = rows.filter(way, unmatched__gt=0).with_sides()
    exact = list(found.filter(unmatched=line.rest).order_by(*_likeliest(line))[:SUGGESTED])
    near = found.exclude(unmatched=line.rest).annotate(off=Abs("unmatched") - line.rest)
    order = [_is_named(line), Abs("off"), BOOKED_AT.desc()]
    return exact + list(near.order_by(*order)[: SUGGESTED - len(exact)])


def matched_elsewhere(
    reconciliation: Reconciliation, line: ReconciliationLine
) -> list[ReconciliationMatch]:
    """Returns matches of other lines with a payment of this line's rest and direction, the nearest
    day first. This line may be a duplicate on a second statement.
    """
    around = timedelta(days=AROUND)
    rows = _within(reconciliation, line.booked_on - around, line.booked_on + around)
    way = Q(signed__gt=0) if line.amount > 0 else Q(signed__lt=0)
    paid = rows.filter(way, amount=line.rest, unmatched=0).order_by(*_likeliest(line))
    ids = list(paid.values_list("pk", flat=True)[:SHOWN_ELSEWHERE])
    matches = ReconciliationMatch.objects.filter(
        transaction__in=ids, account=reconciliation.account_id
    )
    sides = matches.select_related("transaction", "line__reconciliation")
    return sorted(sides, key=lambda match: ids.index(match.transaction_id))


def same_file(reconciliation: Reconciliation) -> Reconciliation | None:
    """Returns the latest other reconciliation of this file for this account and currency."""
    rows = Reconciliation.objects.filter(
        digest=reconciliation.digest,
        account=reconciliation.account_id,
        currency=reconciliation.currency,
    )
    return rows.exclude(pk=reconciliation.pk).order_by("-pk").first()


def _is_named(line: ReconciliationLine) -> Case:
    """Returns SQL: 0 for a payment whose reference appears in a text of the line, else 1."""
    texts = _plain(f"{line.other} {line.description} {line.reference}")
    own = _plain_of("reference")
    is_named = GreaterThan(StrIndex(Value(texts), own), 0) & GreaterThan(Length(own), TOO_SHORT)
    return Case(When(is_named, then=0), default=1)


def _plain(reference: str) -> str:
    """Returns the reference without spaces and capitals, because people type it in groups."""
    return reference.replace(" ", "").lower()


def _plain_of(field: str) -> Lower:
    """Returns the same as `_plain`, in SQL."""
    return Lower(Replace(field, Value(" "), Value("")))


def _likeliest(line: ReconciliationLine) -> list[Any]:
    """Returns the order of `_distance` as SQL, for queries that read only the first rows."""
    own = Exact(_plain_of("reference"), Value(_plain(line.reference)))
    same = [When(own, then=0)] if line.reference else []
    if line.description:
        same.append(When(description__iexact=line.description, then=1))
    noon = start_of_day(line.booked_on) + timedelta(hours=12)
    away = ExpressionWrapper(F("created_at") - Value(noon), DurationField())
    alike = [Case(*same, default=2)] if same else []
    return [*alike, Abs(Extract(away, "epoch")), "pk"]


def _within(reconciliation: Reconciliation, first: date, last: date) -> Any:
    rows = booked_on(reconciliation.account_id, reconciliation.currency).alias(booked_at=BOOKED_AT)
    begins, ends = start_of_day(first), end_of_day(last)
    return rows.filter(booked_at__gte=begins, booked_at__lt=ends)


def _same_way(line: ReconciliationLine, paid: Any) -> bool:
    return bool((line.amount > 0) == (paid.signed > 0))


def _is_likely(line: ReconciliationLine, paid: Transaction) -> bool:
    """Returns whether line and payment have more in common than the amount, so that a page may
    suggest the match.
    """
    unlike, days = _distance(line, paid)
    return unlike < UNLIKE or days == 0


def _distance(line: ReconciliationLine, paid: Transaction) -> tuple[int, int]:
    """Returns how different line and payment are: first by reference and description, then by the
    days between them.
    """
    day = timezone.localtime(paid.created_at).date()
    unlike = UNLIKE
    if line.reference and _plain(line.reference) == _plain(paid.reference):
        unlike = 0
    elif line.description and line.description.lower() == paid.description.lower():
        unlike = 1
    return unlike, abs((day - line.booked_on).days)
