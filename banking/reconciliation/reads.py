"""What the pages of a reconciliation show."""

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

UNLIKE = 2  # neither the reference nor the description is the same
AROUND = 10  # days: how far a suggestion may be from its line
SUGGESTED = 20  # payments, for one line
SHOWN_ELSEWHERE = 3  # payments of a line that other lines are matched with
TOO_SHORT = 3  # characters: a reference such as "7" stands in many texts


@dataclass(frozen=True, slots=True)
class Part:
    """Some lines: how many, and their sum with signs."""

    count: int
    total: Decimal


@dataclass(frozen=True, slots=True)
class Figures:
    """What of the file is settled how; the last three add up to the first. Of a line that is
    matched in part, that part is in the total of `matched`, and its rest in `left` or `open`.
    """

    all: Part
    matched: Part
    left: Part
    open: Part

    @property
    def may_be_signed(self) -> bool:
        return not self.open.count


def figures_of(whose: Reconciliation) -> Figures:
    """The figures of a file, in one query."""
    is_matched, is_left = Q(matched=Abs("amount")), ~Q(leftover="")
    kinds = {
        "all": Q(), "matched": is_matched, "left": is_left & ~is_matched,
        "open": Q(leftover="") & ~is_matched,
    }  # fmt: skip
    signed = Case(
        When(amount__lt=0, then=-F("matched")), default=F("matched"), output_field=MoneyField()
    )
    lines = ReconciliationLine.objects.of(whose).with_matched().annotate(signed=signed)
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


def lines_of(whose: Reconciliation, show: str) -> Any:
    """The lines in the order of the file; `show` is open, left, matched or all."""
    lines: Any = ReconciliationLine.objects.of(whose).with_matched().order_by("number")
    if show == "open":
        return lines.unsettled()
    if show == "left":
        return lines.exclude(leftover="").exclude(matched=Abs("amount"))
    return lines.filter(matched=Abs("amount")) if show == "matched" else lines


def not_in_file(whose: Reconciliation) -> Any:
    """Payments of the books on the days of the file with which no line is matched as a whole."""
    return _within(whose, whose.first_on, whose.last_on).filter(unmatched__gt=0).oldest_first()


def total_not_in_file(whose: Reconciliation) -> Part:
    """How many those are, and what is unmatched of them, with signs."""
    rows = not_in_file(whose).order_by()
    found = rows.aggregate(
        count=Count("pk"),
        into=Sum("unmatched", filter=Q(signed__gt=0)),
        out=Sum("unmatched", filter=Q(signed__lt=0)),
    )
    return Part(found["count"], (found["into"] or Decimal(0)) - (found["out"] or Decimal(0)))


def add_suggestions(whose: Reconciliation, lines: Iterable[ReconciliationLine]) -> None:
    """Adds `suggested` to each open line of a page: the payment that fits best and has its exact
    rest, or None.
    """
    open_lines = [line for line in lines if not line.leftover and line.rest]
    for line in open_lines:
        line.suggested = None  # type: ignore[attr-defined]
    if not open_lines:
        return
    days = [line.booked_on for line in open_lines]
    rows = _within(
        whose, min(days) - timedelta(days=AROUND), max(days) + timedelta(days=AROUND)
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
    )  # of more payments than are read, those that may fit best are read
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


def suggestions(whose: Reconciliation, line: ReconciliationLine) -> list[Transaction]:
    """Payments that may be this line or a part of it, the likeliest first."""
    around = timedelta(days=AROUND)
    rows = _within(whose, line.booked_on - around, line.booked_on + around)
    way = Q(signed__gt=0) if line.amount > 0 else Q(signed__lt=0)
    found = rows.filter(way, unmatched__gt=0).with_sides()
    exact = list(found.filter(unmatched=line.rest).order_by(*_likeliest(line))[:SUGGESTED])
    near = found.exclude(unmatched=line.rest).annotate(off=Abs("unmatched") - line.rest)
    order = [_is_named(line), Abs("off"), BOOKED_AT.desc()]
    return exact + list(near.order_by(*order)[: SUGGESTED - len(exact)])


def matched_elsewhere(whose: Reconciliation, line: ReconciliationLine) -> list[ReconciliationMatch]:
    """The matches of other lines with a payment of this line's rest and direction, the nearest day
    first: what this line may be, if it is on two statements.
    """
    around = timedelta(days=AROUND)
    rows = _within(whose, line.booked_on - around, line.booked_on + around)
    way = Q(signed__gt=0) if line.amount > 0 else Q(signed__lt=0)
    paid = rows.filter(way, amount=line.rest, unmatched=0).order_by(*_likeliest(line))
    ids = list(paid.values_list("pk", flat=True)[:SHOWN_ELSEWHERE])
    matches = ReconciliationMatch.objects.filter(transaction__in=ids, account=whose.account_id)
    sides = matches.select_related("transaction", "line__reconciliation")
    return sorted(sides, key=lambda match: ids.index(match.transaction_id))


def same_file(whose: Reconciliation) -> Reconciliation | None:
    """The latest other reconciliation of this file for this account and currency."""
    rows = Reconciliation.objects.filter(
        digest=whose.digest, account=whose.account_id, currency=whose.currency
    )
    return rows.exclude(pk=whose.pk).order_by("-pk").first()


def _is_named(line: ReconciliationLine) -> Case:
    """0 for a payment whose reference stands in a text of the line, else 1."""
    texts = _plain(f"{line.other} {line.description} {line.reference}")
    own = _plain_of("reference")
    is_named = GreaterThan(StrIndex(Value(texts), own), 0) & GreaterThan(Length(own), TOO_SHORT)
    return Case(When(is_named, then=0), default=1)


def _plain(reference: str) -> str:
    """Without spaces and capitals, because people type a reference in groups."""
    return reference.replace(" ", "").lower()


def _plain_of(field: str) -> Lower:
    """The same in SQL."""
    return Lower(Replace(field, Value(" "), Value("")))


def _likeliest(line: ReconciliationLine) -> list[Any]:
    """The order of `_distance` for a query, which has to know it before it reads some rows only."""
    own = Exact(_plain_of("reference"), Value(_plain(line.reference)))
    same = [When(own, then=0)] if line.reference else []
    if line.description:
        same.append(When(description__iexact=line.description, then=1))
    noon = start_of_day(line.booked_on) + timedelta(hours=12)
    away = ExpressionWrapper(F("created_at") - Value(noon), DurationField())
    alike = [Case(*same, default=2)] if same else []
    return [*alike, Abs(Extract(away, "epoch")), "pk"]


def _within(whose: Reconciliation, first: date, last: date) -> Any:
    rows = booked_on(whose.account_id, whose.currency).alias(booked_at=BOOKED_AT)
    begins, ends = start_of_day(first), end_of_day(last)
    return rows.filter(booked_at__gte=begins, booked_at__lt=ends)


def _same_way(line: ReconciliationLine, paid: Any) -> bool:
    return bool((line.amount > 0) == (paid.signed > 0))


def _is_likely(line: ReconciliationLine, paid: Transaction) -> bool:
    """Whether they have more in common than the amount, so that one press may match them."""
    unlike, days = _distance(line, paid)
    return unlike < UNLIKE or days == 0


def _distance(line: ReconciliationLine, paid: Transaction) -> tuple[int, int]:
    """How unlike the two are: the reference first, the description, then the days between them."""
    day = timezone.localtime(paid.created_at).date()
    unlike = UNLIKE
    if line.reference and _plain(line.reference) == _plain(paid.reference):
        unlike = 0
    elif line.description and line.description.lower() == paid.description.lower():
        unlike = 1
    return unlike, abs((day - line.booked_on).days)
