"""What the pages of outside accounts show."""

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
from banking.outside.file_parts import kept
from banking.outside.formats.cells import day_order, is_status
from banking.outside.formats.csv_columns import order_of_file
from banking.outside.formats.lines import UnreadableStatement, windows_1252_sample
from banking.outside.formats.qif import qif_order
from banking.outside.formats.sheet import cells_under, sheet_of
from banking.outside.models import OutsideAccount, OutsideEntry, OutsideImport

ENTRIES_A_PAGE = 50
SHOWN_IMPORTS = 25
SHOWN_LETTERS = 200
AT_ONCE = 2000  # rows that are held in memory for a file


@dataclass(frozen=True, slots=True)
class OutsideDay:
    """The entries of a day, newest first, each with the balance after it."""

    day: date
    entries: list[tuple[OutsideEntry, Decimal]]

    @property
    def total(self) -> Decimal:
        return sum((entry.amount for entry, _balance in self.entries), Decimal(0))


@dataclass(frozen=True, slots=True)
class Difference:
    """A file whose closing balance is not what the entries up to its day lead to."""

    name: str  # of the file
    day: date
    closing: Decimal
    balance: Decimal  # to which the entries lead
    fitting_opening: Decimal  # with which they would lead to the file's
    twice: Sequence[OutsideEntry]  # two entries, without one of which they lead to it; or none


def difference_of(account: OutsideAccount) -> Difference | None:
    """The newest file with a closing balance, if the entries lead to another one. One query, and
    one more if they do.
    """
    entries = OutsideEntry.objects.entered(account).order_by()
    until = entries.filter(booked_on__lte=OuterRef("day"))
    total = until.values("account").annotate(total=Sum("amount")).values("total")
    files = OutsideImport.objects.imported_into(account).exclude(closing=None)
    day = Coalesce("closing_on", "last_on")  # older imports have none of their own
    newest = files.annotate(day=day).order_by("-day", "-imported_at")
    found = newest.values_list("name", "day", "closing", Coalesce(Subquery(total), Decimal(0)))
    for name, day, closing, led in found[:1]:
        if account.opening + led != closing:
            balance = account.opening + led
            twice = _twice(account, balance - closing, until=day)
            return Difference(name, day, closing, balance, closing - led, twice)
    return None


def _twice(account: OutsideAccount, amount: Decimal, *, until: date) -> list[OutsideEntry]:
    """The latest two entries of this amount that are of one day and of two files, the one that was
    imported first before the other; none if there are no two.
    """
    entries = OutsideEntry.objects.entered(account).filter(amount=amount, booked_on__lte=until)
    of_day = entries.order_by().values("booked_on").annotate(files=Count("source", distinct=True))
    days = of_day.filter(files__gt=1).order_by("-booked_on").values("booked_on")[:1]
    found = entries.filter(booked_on=Subquery(days)).select_related("source")
    by_file = {entry.source_id: entry for entry in found.order_by("source__imported_at")}
    return list(by_file.values())[-2:]


def doubts_of(source: OutsideImport) -> dict[str, Any]:
    """What the preview of a file warns of. Reads the whole file, so it is stored with the import;
    one that was read by an earlier version has none.
    """
    return {
        "order": doubtful_order(source),
        "letters": doubtful_letters(source)[:SHOWN_LETTERS],
        "unknown_status_count": unknown_status_count(source),
    }


def doubtful_order(source: OutsideImport) -> str:
    """The order, "dmy", "mdy" or "ymd", by which the days of a CSV or a QIF file were read, if all
    of them could have another one; else "".
    """
    lines = OutsideEntry.objects.of(source)
    is_late = lines.filter(booked_on__day__gt=12).exists()
    # Day and month cannot change places, or mean the same if they do.
    is_told = is_late or not lines.exclude(booked_on__day=F("booked_on__month")).exists()
    mapping = source.mapping or {}
    with suppress(UnreadableStatement), kept(source) as file:  # read by an earlier version
        if source.format == OutsideImport.Format.QIF and not is_told:
            found = qif_order(file)
            return mapping.get("order", found.order) if found.is_open else ""
        if source.format == OutsideImport.Format.CSV:
            return _doubtful_order_of_csv(file, mapping, is_told=is_told)
    return ""


def doubtful_letters(source: OutsideImport) -> str:
    """A line of a file whose letters were read as Windows-1252, as nothing says that they are."""
    if source.format in (OutsideImport.Format.CAMT, OutsideImport.Format.OFX2):
        return ""  # XML says it
    with suppress(UnreadableStatement), kept(source) as file:  # read by an earlier version
        return windows_1252_sample(file)
    return ""


def unknown_status_count(source: OutsideImport) -> int:
    """How many lines of a CSV file have a status whose words are not known, so count as booked."""
    place = (source.mapping or {}).get("status")
    if source.format != OutsideImport.Format.CSV or place is None:
        return 0
    with suppress(UnreadableStatement), kept(source) as file:  # read by an earlier version
        sheet = sheet_of(file, is_asked=True, is_checked=True)
        return sum(not is_status(typed) for typed in cells_under(file, sheet, [place]))
    return 0


def _doubtful_order_of_csv(file: IO[bytes], mapping: dict[str, Any], *, is_told: bool) -> str:
    """Reads the whole file only if its first lines leave it open."""
    sheet = sheet_of(file, is_asked=True, is_checked=True)
    if is_told and "ymd" not in day_order(sheet.column(mapping["date"])).possible:
        return ""
    possible = order_of_file(file, sheet, mapping).possible
    return mapping["order"] if len(possible) > 1 and mapping["order"] in possible else ""


def accounts_of(person: User) -> list[OutsideAccount]:
    """The person's outside accounts with their balances, by name."""
    return list(OutsideAccount.objects.owned_by(person).with_balance().order_by("name", "pk"))


def totals_of(accounts: list[OutsideAccount]) -> list[tuple[str, Decimal]]:
    """The sum of balances in each currency, by its code."""
    totals: dict[str, Decimal] = {}
    for account in accounts:
        totals[account.currency] = totals.get(account.currency, Decimal(0)) + account.balance
    return sorted(totals.items())


def entry_page(
    account: OutsideAccount, number: str | None
) -> tuple[Page[OutsideEntry], list[OutsideDay]]:
    """A page of an account's entries, newest first, and its days.

    The balance after the page's newest entry is the account's less all that is newer.
    """
    entries = OutsideEntry.objects.entered(account)
    page = Paginator(entries, ENTRIES_A_PAGE).get_page(number)
    newer = entries[: (page.number - 1) * ENTRIES_A_PAGE]
    above = newer.aggregate(total=Sum("amount"))["total"] if page.number > 1 else None
    lines = list(_with_balances(list(page.object_list), account.balance - (above or 0)))
    days = groupby(lines, key=lambda line: line[0].booked_on)
    return page, [OutsideDay(day, list(of_day)) for day, of_day in days]


def all_entries(account: OutsideAccount) -> Iterator[tuple[OutsideEntry, Decimal]]:
    """All entries, newest first, each with the balance after it; read as they are needed."""
    entries = OutsideEntry.objects.entered(account).iterator(chunk_size=AT_ONCE)
    return _with_balances(entries, account.balance)


def _with_balances(
    entries: "Iterator[OutsideEntry] | list[OutsideEntry]", balance: Decimal
) -> Iterator[tuple[OutsideEntry, Decimal]]:
    for entry in entries:
        yield entry, balance
        balance -= entry.amount


def imports_of(account: OutsideAccount) -> list[OutsideImport]:
    """The latest imports into an account, newest first."""
    return list(account.imports.newest_first()[:SHOWN_IMPORTS])


def imported_before(source: OutsideImport) -> OutsideImport | None:
    """An earlier import of the same file into the same account that was not undone."""
    same = OutsideImport.objects.filter(
        account=source.account_id, digest=source.digest, state=OutsideImport.State.IMPORTED
    )
    found: OutsideImport | None = same.exclude(pk=source.pk).newest_first().first()
    return found
