"""Queries for the pages of outside accounts."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import IO, Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, F, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from accounts.models import User
from banking.outside.file_parts import stored_file
from banking.outside.formats.cells import day_order, is_status
from banking.outside.formats.csv_columns import order_of_file
from banking.outside.formats.lines import UnreadableStatement, windows_1252_sample
from banking.outside.formats.qif import qif_order
from banking.outside.formats.sheet import cells_under, sheet_of
from banking.outside.models import OutsideAccount, OutsideEntry, OutsideImport

ENTRIES_PER_PAGE = 50
SHOWN_IMPORTS = 25
SHOWN_LETTERS = 200
CHUNK_SIZE = 2000  # number of rows in memory while a file is written


@dataclass(frozen=True, slots=True)
class OutsideDay:
    """The entries of one day, newest first. Each entry has the balance after it."""

    day: date
    entries: list[tuple[OutsideEntry, Decimal]]

    @property
    def total(self) -> Decimal:
        return sum((entry.amount for entry, _balance in self.entries), Decimal(0))


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference between the closing balance of a file and the account's balance in Ledger at
    the end of the same day.
    """

    name: str  # name of the file
    day: date
    closing: Decimal
    balance: Decimal  # balance of the entries
    fitting_opening: Decimal  # the opening balance with which both balances would be equal
    twice: Sequence[OutsideEntry]  # two entries that may be duplicates, or none


def difference_of(account: OutsideAccount) -> Difference | None:
    """Compares the closing balance of a file with the account's balance in Ledger at the end of the
    same day. Uses the newest file that has a closing balance. Returns the difference, or None if
    the balances are equal or no file has a balance.

    Makes one query, or two if the balances differ.
    """
    entries = OutsideEntry.objects.entered(account).order_by()
    until = entries.filter(booked_on__lte=OuterRef("day"))
    total = until.values("account").annotate(total=Sum("amount")).values("total")
    files = OutsideImport.objects.imported_into(account).exclude(closing=None)
    day = Coalesce("closing_on", "last_on")  # older imports have no `closing_on`
    newest = files.annotate(day=day).order_by("-day", "-imported_at")
    found = newest.values_list("name", "day", "closing", Coalesce(Subquery(total), Decimal(0)))
    for name, day, closing, total_until in found[:1]:
        if account.opening + total_until != closing:
            balance = account.opening + total_until
            twice = _duplicates(account, balance - closing, until=day)
            return Difference(name, day, closing, balance, closing - total_until, twice)
    return None


def _duplicates(account: OutsideAccount, amount: Decimal, *, until: date) -> list[OutsideEntry]:
    """Returns two entries that may be duplicates: they have the amount `amount` and the same day,
    and come from two files. If there are several such pairs, returns the latest pair. Returns the
    entries in the order of their imports. Returns an empty list if there is no such pair.
    """
    entries = OutsideEntry.objects.entered(account).filter(amount=amount, booked_on__lte=until)
    of_day = entries.order_by().values("booked_on").annotate(files=Count("source", distinct=True))
    days = of_day.filter(files__gt=1).order_by("-booked_on").values("booked_on")[:1]
    found = entries.filter(booked_on=Subquery(days)).select_related("source")
    by_file = {entry.source_id: entry for entry in found.order_by("source__imported_at")}
    return list(by_file.values())[-2:]


def doubts_of(source: OutsideImport) -> dict[str, Any]:
    """Returns the values for the warnings of the preview. A warning means that the order of dates,
    the letters or the status may have been read wrongly. Reads the whole file, so the caller stores
    the result with the import.
    """
    return {
        "order": doubtful_order(source),
        "letters": doubtful_letters(source)[:SHOWN_LETTERS],
        "unknown_status_count": unknown_status_count(source),
    }


def doubtful_order(source: OutsideImport) -> str:
    """Returns the order in which the dates of a CSV or QIF file were read ("dmy", "mdy" or "ymd"),
    if this order is in doubt: the dates are also valid in another order. Otherwise returns "".
    """
    lines = OutsideEntry.objects.of(source)
    is_late = lines.filter(booked_on__day__gt=12).exists()
    # True if day and month cannot be swapped (a day is above 12), or if swapping changes no date.
    is_certain = is_late or not lines.exclude(booked_on__day=F("booked_on__month")).exists()
    mapping = source.mapping or {}
    with suppress(UnreadableStatement), stored_file(source) as file:  # read by an old version
        if source.format == OutsideImport.Format.QIF and not is_certain:
            found = qif_order(file)
            return mapping.get("order", found.order) if found.is_open else ""
        if source.format == OutsideImport.Format.CSV:
            return _doubtful_order_of_csv(file, mapping, is_certain=is_certain)
    return ""


def doubtful_letters(source: OutsideImport) -> str:
    """Returns the first line with letters outside ASCII, if the encoding of the file is only a
    guess. This is so if the file does not declare an encoding and was read as Windows-1252.
    Otherwise returns "".
    """
    if source.format in (OutsideImport.Format.CAMT, OutsideImport.Format.OFX2):
        return ""  # XML declares its encoding
    with suppress(UnreadableStatement), stored_file(source) as file:  # read by an old version
        return windows_1252_sample(file)
    return ""


def unknown_status_count(source: OutsideImport) -> int:
    """Returns the number of lines of a CSV file whose status is not known. These lines are imported
    as booked payments.
    """
    place = (source.mapping or {}).get("status")
    if source.format != OutsideImport.Format.CSV or place is None:
        return 0
    with suppress(UnreadableStatement), stored_file(source) as file:  # read by an old version
        sheet = sheet_of(file, allow_unknown=True, is_checked=True)
        return sum(not is_status(typed) for typed in cells_under(file, sheet, [place]))
    return 0


def _doubtful_order_of_csv(file: IO[bytes], mapping: dict[str, Any], *, is_certain: bool) -> str:
    """Returns the order of dates of a CSV file if the order is ambiguous, and "" otherwise.
    `is_certain` means that no other dates result if day and month are exchanged. In this case, the
    whole file is read only if the first lines are also valid with the year first.
    """
    sheet = sheet_of(file, allow_unknown=True, is_checked=True)
    if is_certain and "ymd" not in day_order(sheet.column(mapping["date"])).possible:
        return ""
    possible = order_of_file(file, sheet, mapping).possible
    return mapping["order"] if len(possible) > 1 and mapping["order"] in possible else ""


def accounts_of(person: User) -> list[OutsideAccount]:
    """Returns the person's outside accounts with their balances, sorted by name."""
    return list(OutsideAccount.objects.owned_by(person).with_balance().order_by("name", "pk"))


def totals_of(accounts: list[OutsideAccount]) -> list[tuple[str, Decimal]]:
    """Returns (currency, sum of balances) for each currency of the accounts, sorted by currency."""
    totals: dict[str, Decimal] = {}
    for account in accounts:
        totals[account.currency] = totals.get(account.currency, Decimal(0)) + account.balance
    return sorted(totals.items())


def entry_page(
    account: OutsideAccount, number: str | None
) -> tuple[Page[OutsideEntry], list[OutsideDay]]:
    """Returns one page of the account's entries, newest first, and the same entries grouped by day.
    Each entry has the balance after it.
    """
    entries = OutsideEntry.objects.entered(account)
    page = Paginator(entries, ENTRIES_PER_PAGE).get_page(number)
    newer = entries[: (page.number - 1) * ENTRIES_PER_PAGE]
    above = newer.aggregate(total=Sum("amount"))["total"] if page.number > 1 else None
    lines = list(_with_balances(list(page.object_list), account.balance - (above or 0)))
    days = groupby(lines, key=lambda line: line[0].booked_on)
    return page, [OutsideDay(day, list(of_day)) for day, of_day in days]


def all_entries(account: OutsideAccount) -> Iterator[tuple[OutsideEntry, Decimal]]:
    """Yields all entries of the account, newest first. Each entry comes with the balance after it.
    Reads the entries in chunks.
    """
    entries = OutsideEntry.objects.entered(account).iterator(chunk_size=CHUNK_SIZE)
    return _with_balances(entries, account.balance)


def _with_balances(
    entries: "Iterator[OutsideEntry] | list[OutsideEntry]", balance: Decimal
) -> Iterator[tuple[OutsideEntry, Decimal]]:
    for entry in entries:
        yield entry, balance
        balance -= entry.amount


def imports_of(account: OutsideAccount) -> list[OutsideImport]:
    """Returns the latest SHOWN_IMPORTS imports into the account, newest first."""
    return list(account.imports.newest_first()[:SHOWN_IMPORTS])


def imported_before(source: OutsideImport) -> OutsideImport | None:
    """Returns the latest other import of the same file into the same account, or None. Ignores
    imports that were undone.
    """
    same = OutsideImport.objects.filter(
        account=source.account_id, digest=source.digest, state=OutsideImport.State.IMPORTED
    )
    found: OutsideImport | None = same.exclude(pk=source.pk).newest_first().first()
    return found
