"""Reads one page of an account's statement. The time does not depend on the length of the history.

A page starts after a booking time (keyset), which is unique within an account. Totals and balances
that depend on entries of other pages come from the stored balances, with one index look-up for
each. Only a statement with a filter counts and sums entries of other pages, with the same limit as
a search, see `totals`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import groupby

from django.db.models import Sum
from django.utils import timezone

from accounts.models import Account
from ledger.db.replicas import ReadPurpose, is_on_replica, read, read_again, stream
from ledger.text.dates import MICROSECOND, end_of_day, long_date, start_of_day
from ledger.text.lines import counted
from transactions.annotations.categories import own_category
from transactions.models import Entry
from transactions.models.entry import EntryQuerySet
from transactions.search.engine import entries_with
from transactions.statements.totals import StatementTotals, totals_of, with_change

PAGE = 50
AT_A_TIME = 2000  # number of entries that are in memory while a file is sent
ON_PAPER = 1000  # maximum number of entries of a printed statement, about twenty pages
# The primary database returns the account itself, with its balance and holds.
TABLES = "entries transactions accounts users annotations own_categories synonyms"
STATEMENT = ReadPurpose("statement", frozenset(TABLES.split()))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of an account statement. The period includes `start` and `end`. `direction` is
    "in", "out" or "".
    """

    start: date | None = None
    end: date | None = None
    direction: str = ""
    text: str = ""

    @property
    def are_set(self) -> bool:
        """Whether any filter is set."""
        return bool(self.picks or self.start or self.end)

    @property
    def picks(self) -> bool:
        """Whether a filter other than the period is set."""
        return bool(self.direction or self.text)

    @property
    def selection(self) -> str:
        """A text about the filters other than the period, or ""."""
        directions = {"in": "money in", "out": "money out"}
        words = [directions[self.direction]] if self.direction else []
        if self.text:
            words.append(f"what matches \u201c{self.text}\u201d")
        return ", ".join(words)

    @property
    def last_day(self) -> date | None:
        """The last day of the period, but not later than today. None if the period has no last
        day.
        """
        return min(self.end, timezone.localdate()) if self.end else None


@dataclass(slots=True)
class StatementDay:
    """The entries of one day, newest first, and the total of the whole day.

    `is_split` is True if some of the day's entries are on another page.
    """

    date: date
    currency: str
    entries: list[Entry]
    total: Decimal = Decimal(0)
    is_split: bool = False


@dataclass(slots=True)
class StatementPage:
    """One page of a statement. `newer` and `older` are the markers of the neighbouring pages, or
    None if there is no such page.

    `opening` and `closing` are the balances before and after the entries of the page, or None if a
    filter leaves out entries. `totals` are the totals of all entries that match the filters,
    including other pages. Without a filter, `totals` is None.
    """

    days: list[StatementDay] = field(default_factory=list)
    newer: int | None = None
    older: int | None = None
    opening: Decimal | None = None
    closing: Decimal | None = None
    totals: StatementTotals | None = None

    @property
    def entries(self) -> list[Entry]:
        """All entries of the page, newest first."""
        return [entry for day in self.days for entry in day.entries]

    @property
    def last_day(self) -> date | None:
        """The day of the newest entry on the page, or None if the page is empty."""
        return self.days[0].date if self.days else None

    @property
    def money_in(self) -> Decimal:
        """The sum of all credits on the page."""
        return sum((e.amount for e in self.entries if e.is_credit), Decimal(0))

    @property
    def money_out(self) -> Decimal:
        """The sum of all debits on the page."""
        return sum((e.amount for e in self.entries if not e.is_credit), Decimal(0))

    @property
    def is_whole(self) -> bool:
        """Whether the page contains all entries that match the filters."""
        return self.newer is None and self.older is None

    @property
    def reaches_back(self) -> bool:
        """Whether the page contains the oldest entry that matches the filters."""
        return self.older is None


def paper_line(page: StatementPage, filters: Filters) -> str:
    """Returns a sentence about a printed page: the number of entries, the period, and whether there
    are more entries.

    If all entries of the chosen period are on the page, the sentence contains the chosen period,
    but no day after today. Otherwise the sentence contains the days of the first and the last
    entry.
    """
    first, last = filters.start, filters.last_day
    if page.days and (first is None or page.older is not None):
        first = page.days[-1].date
    if page.days and (last is None or page.newer is not None):
        last = page.days[0].date
    if first and last:
        last = max(first, last)
    count = len(page.entries)
    line = counted(count, "entry", "entries") if count else "No entries"
    line += f" from {long_date(first)}" if first else ""
    line += f" to {long_date(last)}" if last else ""
    if filters.picks:
        line += f", a selection: {filters.selection}"
    if not page.is_whole:
        line += ", and there are more"
    return f"{line}."


def mark_of(moment: datetime) -> int:
    """Returns a booking time as a marker in a URL: the number of microseconds since 1970."""
    return (moment - EPOCH) // MICROSECOND


def time_of_mark(mark: int) -> datetime:
    """Returns the booking time of a marker.

    Raises: OverflowError if the number is not a time.
    """
    return EPOCH + mark * MICROSECOND


def statement_page(
    account: Account,
    filters: Filters,
    *,
    before: datetime | None = None,
    after: datetime | None = None,
    size: int | None = None,
) -> StatementPage:
    """Returns the newest page of the statement, or the page of entries older than `before` or newer
    than `after`.

    Sends at most eight queries. Reads one page of entries (`size`, by default PAGE). With a filter,
    it also reads the entries that `totals_of` counts, and the entries of a day that continues on
    another page.

    A page from a replica may not match the account's balance, which comes from the primary
    database. The page is then read again from the primary database.
    """

    def page() -> StatementPage:
        found = _read_page(account, filters, before, after, size or PAGE)
        is_newest = before is None and after is None and not (filters.picks or filters.end)
        if is_newest and (found.closing or Decimal(0)) != account.balance:
            read_again()
        return found

    return read(STATEMENT, page)


def _read_page(
    account: Account,
    filters: Filters,
    before: datetime | None,
    after: datetime | None,
    size: int,
) -> StatementPage:
    scoped = entries_of(account, filters)
    entries, newer, older = _cut(scoped, account, before, after, size)
    for entry in entries:
        entry.account = account
    page = StatementPage(
        days=_days(entries, account.currency),
        newer=mark_of(entries[0].created_at) if newer else None,
        older=mark_of(entries[-1].created_at) if older else None,
    )
    for day in page.days:
        of_page, is_cut = _sum(day.entries), day.date in (newer, older)
        day.total = _total(scoped, account, filters, day, page) if is_cut else of_page
        day.is_split = day.total != of_page
    if filters.are_set and page.days:
        page.totals = (
            StatementTotals(account.currency, len(page.entries), page.money_in, page.money_out)
            if page.is_whole
            else _totals_of_filters(scoped, account, filters)
        )
    if not filters.picks:
        _add_edges(page, account, filters)
    return page


def _totals_of_filters(
    scoped: EntryQuerySet, account: Account, filters: Filters
) -> StatementTotals:
    """Returns the totals of all entries that match the filters. For a period with too many entries
    to count, the totals also contain the change of the stored balance, if no other filter is set.
    """
    totals = totals_of(scoped, account.currency)
    if not totals.is_cut or filters.picks:
        return totals
    start = start_of_day(filters.start) if filters.start else None
    return with_change(totals, account, start, end_of_day(filters.end or timezone.localdate()))


def entries_of(account: Account, filters: Filters) -> EntryQuerySet:
    """Returns a queryset of the entries that match the filters, without an order."""
    entries: EntryQuerySet = Entry.objects.for_account(account).between(
        start_of_day(filters.start) if filters.start else None,
        end_of_day(filters.end) if filters.end else None,
    )
    if filters.text:
        entries = entries_with(entries, filters.text, account)
    return entries.directed(filters.direction)


def with_own_categories(entries: EntryQuerySet, account: Account) -> EntryQuerySet:
    """Annotates the entries with the categories that the account holder has set, see
    `Entry.shown_category`.
    """
    own = own_category(account.user_id, "transaction_id")
    named: EntryQuerySet = entries.annotate(own_category=own)
    return named


def _cut(
    scoped: EntryQuerySet,
    account: Account,
    before: datetime | None,
    after: datetime | None,
    size: int,
) -> tuple[list[Entry], date | None, date | None]:
    """Returns the entries of one page, newest first, the day of the next newer entry, and the day
    of the next older entry. A day is None if there is no such entry.

    The entries of the page that the reader has left are not read again. For the direction of that
    page, the function returns the day of the first or the last entry of this page.
    """
    entries = with_own_categories(scoped.for_rows(), account)
    if after is not None:
        rows = list(entries.filter(created_at__gt=after).order_by("created_at")[: size + 1])
        return rows[:size][::-1], _day_of(rows[size:]), _day_of(rows)
    if before is not None:
        entries = entries.filter(created_at__lt=before)
    rows = list(entries.newest_first()[: size + 1])
    return rows[:size], _day_of(rows) if before is not None else None, _day_of(rows[size:])


def _day_of(entries: Sequence[Entry]) -> date | None:
    """Returns the day of the first of these entries, or None if there are no entries."""
    return timezone.localdate(entries[0].created_at) if entries else None


def _days(entries: Iterable[Entry], currency: str) -> list[StatementDay]:
    zone = timezone.get_current_timezone()
    by_day = groupby(entries, key=lambda entry: entry.created_at.astimezone(zone).date())
    return [StatementDay(day, currency, list(of_day)) for day, of_day in by_day]


def _sum(entries: Iterable[Entry]) -> Decimal:
    return sum((entry.signed_amount for entry in entries), Decimal(0))


def _total(
    scoped: EntryQuerySet,
    account: Account,
    filters: Filters,
    day: StatementDay,
    page: StatementPage,
) -> Decimal:
    """Returns the total of a day whose entries are on two pages. Without a filter, the total comes
    from stored balances. With a filter, the total is the sum of the entries.
    """
    start, end = start_of_day(day.date), end_of_day(day.date)
    if filters.picks:
        total = scoped.between(start, end).aggregate(total=Sum("signed_amount"))["total"]
        return total or Decimal(0)
    newest, oldest = day.entries[0], day.entries[-1]
    is_first, is_last = day is page.days[0], day is page.days[-1]
    begins_here = not (is_last and page.older is not None)
    ends_here = not (is_first and page.newer is not None)
    closing = newest.balance if ends_here else balance_at(account, end)
    opening = oldest.balance - oldest.signed_amount if begins_here else balance_at(account, start)
    return closing - opening


def balance_at(account: Account, moment: datetime) -> Decimal:
    """Returns the booked balance just before a given time. The balance before the first entry is
    zero.
    """
    return Entry.objects.balance_at(account, moment) or Decimal(0)


def stream_entries(
    rows: EntryQuerySet, *, is_complete: Callable[[], bool] = lambda: True
) -> Iterator[Entry]:
    """Yields the entries for a file while the file is sent, oldest first. Reads from a replica if
    possible.

    `is_complete` returns whether the replica has all rows that the file must contain. It is called
    only on a replica.
    """

    def found(given: int) -> Iterable[Entry]:
        if is_on_replica() and not is_complete():
            read_again()
        return rows[given:].iterator(chunk_size=AT_A_TIME)

    return stream(STATEMENT, found)


def _add_edges(page: StatementPage, account: Account, filters: Filters) -> None:
    """Sets the opening and closing balance of the page. Without entries, these are the balances at
    the start and end of the period.
    """
    if page.days:
        newest, oldest = page.entries[0], page.entries[-1]
        page.closing, page.opening = newest.balance, oldest.balance - oldest.signed_amount
    elif filters.start or filters.end:
        end = filters.end or timezone.localdate()
        page.closing = balance_at(account, end_of_day(end))
        page.opening = balance_at(account, start_of_day(filters.start)) if filters.start else None
