"""What the rows of a statement, or of the home page, show: texts that need no more look-up.

A template that formats fifty entries itself resolves some thirty names, filters and conditions for
each, and includes a template for each day and row; that took most of a statement's time.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from typing import NamedTuple, Protocol
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from ledger.text.dates import clock, day_heading, exact, iso, when
from ledger.text.lines import category_label, cut
from ledger.text.money import figure, signed
from transactions.models import Entry

LONGEST_TEXT, LONGEST_REFERENCE, LONGEST_CATEGORY = 110, 60, 40
NO_ID = UUID(int=0)
SEPARATOR = " \N{MIDDLE DOT} "


class EntryLine(NamedTuple):
    """One row. Below the title stand `time` and `details`, each of which begins with " · "."""

    url: str
    title: str
    badges: list[str]
    iso: str
    exact: str
    time: str
    details: str
    amount: str
    balance: str
    css: str
    amount_css: str
    balance_css: str
    currency: str


class EntryGroup(NamedTuple):
    """Rows below a heading. Without a day, they have none."""

    lines: list[EntryLine]
    day: str = ""
    heading: str = ""
    total: str = ""
    is_split: bool = False


class DayOfEntries(Protocol):
    """A day of a statement; `is_split` if the page shows only a part of it."""

    date: date
    total: Decimal
    currency: str
    is_split: bool
    entries: list[Entry]


def groups_by_day(days: Iterable[DayOfEntries]) -> list[EntryGroup]:
    """The rows of a statement, below their days."""
    return [
        EntryGroup(
            lines=list(entry_lines(day.entries, in_day=True)),
            day=day.date.isoformat(),
            heading=day_heading(day.date),
            total=signed(day.total, day.currency),
            is_split=day.is_split,
        )
        for day in days
    ]


def one_group(entries: Sequence[Entry]) -> list[EntryGroup]:
    """The rows of the home page, with the names of the accounts."""
    return [EntryGroup(list(entry_lines(entries, show_account=True)))]


def entry_lines(
    entries: Sequence[Entry], *, in_day: bool = False, show_account: bool = False
) -> Iterator[EntryLine]:
    """The rows of these entries. `in_day`: below a heading with the day; `show_account`: with the
    names of the accounts.
    """
    for entry in entries:
        moment = timezone.localtime(entry.created_at)
        is_pending = entry.status == "pending"
        details = []
        if show_account and entry.account:
            details.append(entry.account.name)
        if entry.description and entry.counterparty:
            details.append(cut(entry.description, LONGEST_TEXT))
        if entry.reference:
            details.append(cut(entry.reference, LONGEST_REFERENCE))
        if entry.category:
            details.append(cut(category_label(entry.category), LONGEST_CATEGORY))
        is_below = entry.balance is not None and entry.balance < 0
        yield EntryLine(
            url=receipt_url(entry.transaction_id),
            title=cut(entry.headline, LONGEST_TEXT),
            badges=[*entry.badges, "held"] if is_pending else entry.badges,
            iso=iso(moment),
            exact=exact(moment),
            time=clock(moment) if in_day else when(moment),
            details="".join(f"{SEPARATOR}{text}" for text in details),
            amount=signed(entry.signed_amount, entry.currency),
            balance=figure(entry.balance, entry.currency),
            css=" entry--pending" if is_pending else "",
            amount_css="pending" if is_pending else "in" if entry.is_credit else "out",
            balance_css=" amount--below" if is_below else "",
            currency=entry.currency,
        )


def receipt_url(transaction_id: UUID) -> str:
    """The address of a receipt. Django's `reverse` runs once, not for every row."""
    return _receipt_pattern().replace(str(NO_ID), str(transaction_id))


@cache
def _receipt_pattern() -> str:
    return reverse("transactions:detail", args=[NO_ID])
