"""Queries for the pages of a reconciliation."""

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

UNLIKE = 2  # the distance if both the reference and the description differ
AROUND = 10  # maximum number of days between a line and its suggestions
SUGGESTED = 20  # maximum number of suggested payments for one line
SHOWN_ELSEWHERE = 3  # maximum number of payments on the page that are matched with other lines
TOO_SHORT = 3  # in characters; a short reference such as "7" appears in many texts


@dataclass(frozen=True, slots=True)
class Part:
    """The number of lines or payments in a group, and the sum of their signed amounts."""

    count: int
    total: Decimal


@dataclass(frozen=True, slots=True)
class Figures:
    """The totals of a file: of all lines, and of the amounts that are matched, left over, and open.
    The total of all lines is the sum of the other three totals.

    A line may be partly matched. The matched part is in the total of `matched`, and the rest is in
    the total of `left` or `open`.
    """

    all: Part
    matched: Part
    left: Part
    open: Part

    @property
    def may_be_signed(self) -> bool:
        return not self.open.count


def figures_of(reconciliation: Reconciliation) -> Figures:
    """Returns the number and the sum of the lines of a reconciliation: of all lines, and of the
    lines that are matched, left over, and open. Makes one query.
    """
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
    """Returns the lines of a reconciliation in the order of the file. `show` is "open", "left"
    (left over), "matched" or "all".
    """
    lines: Any = ReconciliationLine.objects.of(reconciliation).with_matched().order_by("number")
    if show == "open":
        return lines.unsettled()
    if show == "left":
        return lines.exclude(leftover="").exclude(matched=Abs("amount"))
    return lines.filter(matched=Abs("amount")) if show == "matched" else lines


def not_in_file(reconciliation: Reconciliation) -> Any:
    """Returns the payments at this bank in the period of the file that are not fully matched."""
    return (
        _within(reconciliation, reconciliation.first_on, reconciliation.last_on)
        .filter(unmatched__gt=0)
        .oldest_first()
    )


def total_not_in_file(reconciliation: Reconciliation) -> Part:
    """Returns the number of the payments that `not_in_file` returns, and the sum of their unmatched
    amounts. Money out is negative.
    """
    rows = not_in_file(reconciliation).order_by()
    found = rows.aggregate(
        count=Count("pk"),
        into=Sum("unmatched", filter=Q(signed__gt=0)),
        out=Sum("unmatched", filter=Q(signed__lt=0)),
    )
    return Part(found["count"], (found["into"] or Decimal(0)) - (found["out"] or Decimal(0)))


def add_suggestions(reconciliation: Reconciliation, lines: Iterable[ReconciliationLine]) -> None:
    """Sets the attribute `suggested` of each open line. Its value is the payment that is most
    similar to the line, or None if no payment is similar enough. The unmatched amount of the
    payment must equal the unmatched amount of the line.
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
    )  # the most similar rows first, because the number of rows is limited
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
    """Returns up to SUGGESTED payments that may match this line or a part of the line, the most
    likely payment first.
    """
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
    """Returns matches of other lines with payments that could be the payment of this line: they
    have its direction and the amount that is not matched yet. The most similar payment comes first.
    Such a match may mean that the payment was already matched with the same line of another
    statement.
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
    """Returns the latest other reconciliation of the same file with the same account and currency,
    or None if there is no other reconciliation of this file.
    """
    rows = Reconciliation.objects.filter(
        digest=reconciliation.digest,
        account=reconciliation.account_id,
        currency=reconciliation.currency,
    )
    return rows.exclude(pk=reconciliation.pk).order_by("-pk").first()


def _is_named(line: ReconciliationLine) -> Case:
    """Returns a SQL expression: 0 if a text of the line contains the payment's reference, and 1
    otherwise.
    """
    texts = _plain(f"{line.other} {line.description} {line.reference}")
    own = _plain_of("reference")
    is_named = GreaterThan(StrIndex(Value(texts), own), 0) & GreaterThan(Length(own), TOO_SHORT)
    return Case(When(is_named, then=0), default=1)


def _plain(reference: str) -> str:
    """Returns the reference in lower case and without spaces. People often type a reference in
    groups.
    """
    return reference.replace(" ", "").lower()


def _plain_of(field: str) -> Lower:
    """Returns a SQL expression for the column `field` in lower case and without spaces."""
    return Lower(Replace(field, Value(" "), Value("")))


def _likeliest(line: ReconciliationLine) -> list[Any]:
    """Returns ORDER BY expressions for payments: payments that are more similar to the line come
    first, as with `_distance`. They are for queries that read only the first rows.
    """
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
    """Returns whether the page may suggest this payment for the line. The caller must have checked
    that the amounts are equal. The references, the descriptions or the days must be equal too.
    """
    unlike, days = _distance(line, paid)
    return unlike < UNLIKE or days == 0


def _distance(line: ReconciliationLine, paid: Transaction) -> tuple[int, int]:
    """Returns a pair of numbers that is smaller if the line and the payment are more similar.

    The first number is 0 for equal references, 1 for equal descriptions, and otherwise UNLIKE. The
    second number is the number of days between the line and the payment.
    """
    day = timezone.localtime(paid.created_at).date()
    unlike = UNLIKE
    if line.reference and _plain(line.reference) == _plain(paid.reference):
        unlike = 0
    elif line.description and line.description.lower() == paid.description.lower():
        unlike = 1
    return unlike, abs((day - line.booked_on).days)
