"""Statements of chosen entries: a document with the entries of an account that match the filters on
the account's page.

Note [Proof of a choice]: a choice is not stored. Its check URL contains the account, the filters,
the time, the digest, the time zone and the holder's name, signed with SECRET_KEY. For a search, the
URL also contains the places (position numbers) of the entries that the search found. A check reads
the same entries again, and days begin and end in the time zone of the URL. The name is the name in
the PDF. So if the holder changes their name later, the URL does not reveal the new name.

Note [Booked up to]: each booking of an account gets a time after the account's current
`last_entry_at`. When a choice is made, `last_entry_at` is read first, and the choice contains the
entries up to this time. A booking that is not committed yet gets a later time. So the file does not
contain it, and neither does a later check.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core import signing
from django.http import HttpResponseBase
from django.utils import timezone

from accounts.models import Account
from banking.statement_files.digest import (
    RowTotals,
    StatementFigures,
    digest_of,
    totals_of_rows,
)
from banking.statement_files.document import StatementDocument, lines_of
from banking.statement_files.files import LIMITS, file_response, made_in_turn, refuse_too_long
from banking.statement_files.places import places_of
from ledger.text.dates import end_of_day, start_of_day
from transactions.models import Entry, Seal
from transactions.models.entry import EntryQuerySet
from transactions.statements.file import file_name
from transactions.statements.page import Filters, balance_at, entries_of, stream_entries

SALT = "ledger chosen statement"
NOT_SEALED = "No seal covers all of it yet."
ZERO = Decimal(0)
TICK = timedelta(microseconds=1)  # the smallest difference between two times in Postgres
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BEFORE_ALL = datetime(1, 1, 2, tzinfo=UTC)
LastEntry = tuple[datetime, Decimal]  # the booking time of an entry, and the balance after it


@dataclass(frozen=True, slots=True)
class ChosenEntries:
    """The entries of an account that match the filters and were booked before the time `before`.
    `before` is just after the last entry that existed at `made_at`: see Note [Booked up to].
    """

    account: Account
    filters: Filters
    made_at: datetime
    before: datetime

    @classmethod
    def of(cls, account: Account, filters: Filters) -> Self:
        """Returns a choice of the entries that match the filters and exist now. `account` must just
        have been read from the database.
        """
        last = account.last_entry_at
        return cls(account, filters, timezone.now(), last + TICK if last else BEFORE_ALL)

    @property
    def all_of_account(self) -> EntryQuerySet:
        """All entries of the account before the time `before`, also entries that do not match the
        filters.
        """
        entries: EntryQuerySet = Entry.objects.for_account(self.account)
        return entries.between(None, self.before)

    @property
    def entries(self) -> EntryQuerySet:
        """The chosen entries, oldest first."""
        return entries_of(self.account, self.filters).between(None, self.before).for_files()

    @property
    def starts_at(self) -> datetime | None:
        return start_of_day(self.filters.start) if self.filters.start else None

    @property
    def ends_at(self) -> datetime:
        """The end of the last day in the filters, or the time of the choice, whichever is earlier.
        Without a last day in the filters, the time of the choice.
        """
        made = max(self.made_at, self.before)  # the clock of this machine may be slow
        return min(end_of_day(self.filters.end), made) if self.filters.end else made

    def balance_at(self, moment: datetime) -> Decimal:
        """Returns the account's balance just before this time. Ignores bookings that are later than
        the choice.
        """
        return balance_at(self.account, min(moment, self.before))

    def first_day(self) -> date:
        """Returns the first day in the filters. If they have no first day, returns the day of the
        account's first entry. If there is no entry, returns the day when the account was opened.
        """
        if self.filters.start:
            return self.filters.start
        entries = self.all_of_account.order_by("created_at")
        first = entries.values_list("created_at", flat=True).first()
        return timezone.localdate(first or self.account.created_at)

    def period(self) -> tuple[date, date]:
        """Returns the first and the last day of the period. The last day is not after the day of
        the choice, and not before the first day.
        """
        first, last = self.first_day(), timezone.localdate(self.made_at)
        if self.filters.end:
            last = min(self.filters.end, last)
        return first, max(first, last)

    def figures(self, seal: Seal | None) -> StatementFigures:
        """Returns the values that the digest includes in addition to the entries."""
        opening = self.balance_at(self.starts_at) if self.starts_at else None
        return StatementFigures(
            self.account.number, self.account.currency, None, self.starts_at, self.ends_at,
            opening, self.balance_at(self.ends_at),
            (seal.number, bytes(seal.digest)) if seal else None,
        )  # fmt: skip

    def last_entry(self) -> LastEntry | None:
        """Returns the account's last entry before the end of the choice: its time, and the balance
        after it. Ignores the filters. Returns None if there is no entry.
        """
        entries = Entry.objects.for_account(self.account)
        entries = entries.between(None, min(self.ends_at, self.before))
        last: LastEntry | None = entries.newest_first().values_list("created_at", "balance").first()
        return last

    def seal(self) -> Seal | None:
        """Returns the first seal that covers the whole period, or None."""
        return Seal.objects.filter(ends_at__gte=self.ends_at).order_by("number").first()

    def digest(self, totals: RowTotals, seal: Seal | None) -> bytes:
        return digest_of(self.figures(seal), totals)

    def token(self, digest: bytes, entries: Sequence[Entry]) -> str:
        """Returns a signed text that contains the choice and its digest. The check page verifies
        this text.
        """
        filters = self.filters
        places = places_of(entries, self.all_of_account) if filters.text else ""
        words = [
            str(self.account.pk), _text(filters.start), _text(filters.end), filters.direction,
            filters.text, self.made_at.isoformat(), digest.hex(), places,
            str((self.before - EPOCH) // TICK), settings.TIME_ZONE, self.account.user.name,
        ]  # fmt: skip
        return signing.dumps(words, salt=SALT, compress=True)


class ReadToken(NamedTuple):
    """The content of the signed text of a choice.

    - `places`: the places of the entries, or "" for a choice without a search. The filters of such
      a choice always find the same entries.
    - `zone`: the time zone of the bank at the time when the choice was made.
    - `holder`: the account holder's name at that time, or "" in older texts.
    """

    account: UUID
    filters: Filters
    made_at: datetime
    before: datetime
    digest: bytes
    places: str
    zone: ZoneInfo
    holder: str


def choice_of(token: str) -> ReadToken:
    """Returns the content of the signed text of a choice.

    Raises: BadSignature if the bank did not sign the text.
    """
    account, start, end, direction, text, made_at, digest, *more = signing.loads(token, salt=SALT)
    filters = Filters(_day(start), _day(end), direction, text)
    moment = datetime.fromisoformat(made_at)
    # Older texts do not contain the last values.
    places = more[0] if more else ""
    before = EPOCH + int(more[1]) * TICK if more[1:] else moment
    zone = ZoneInfo(more[2] if more[2:] else settings.TIME_ZONE)
    return ReadToken(
        UUID(account), filters, moment, before, bytes.fromhex(digest), places, zone,
        holder=more[3] if more[3:] else "",
    )  # fmt: skip


def file_of_choice(choice: ChosenEntries, kind: str, *, check_page: str) -> HttpResponseBase:
    """Returns the chosen entries as a file. A PDF contains a code and a digest with which the
    statement can be checked.

    Raises: FileTooLong if there are more entries than this format allows; TooManyDownloads if
    another download of the account's owner is running, or if too many downloads of other users are
    running.
    """
    with made_in_turn(kind, choice.account):
        rows = choice.entries
        if kind in LIMITS:
            refuse_too_long(kind, rows.order_by()[: LIMITS[kind] + 1].count())
        if kind == "pdf":
            document = proved_document(choice, check_page=check_page)
        else:
            document = streamed_document(choice)
        return file_response(document, file_name(choice.account, choice.filters), kind)


def streamed_document(choice: ChosenEntries) -> StatementDocument:
    """Returns the document of a choice without a digest. The balances are read from the primary
    database.

    The entries are read from a replica only if the replica already has the account's last entry,
    because the closing balance comes from this entry.
    """
    last = choice.last_entry()
    entries = stream_entries(choice.entries, is_complete=lambda: choice.last_entry() == last)
    return _document(choice, entries, last)


def _document(
    choice: ChosenEntries, entries: Iterable[Entry], last: LastEntry | None
) -> StatementDocument:
    account, zone = choice.account, timezone.get_current_timezone()
    first_day, last_day = choice.period()
    opening = choice.balance_at(choice.starts_at) if choice.starts_at else None
    return StatementDocument(
        account_number=account.number, account_name=account.name, holder=account.user.name,
        currency=account.currency, number=None, month=None, first_day=first_day,
        last_day=last_day, opening=opening or ZERO,
        closing=last[1] if last else ZERO, selection=choice.filters.selection,
        lines=lines_of(entries, holder=account.user_id, zone=zone),
        made_at=choice.made_at.astimezone(zone),
    )  # fmt: skip


def proved_document(choice: ChosenEntries, *, check_page: str) -> StatementDocument:
    """Returns the document of a choice with its sums and its digest. Reads all entries into
    memory.
    """
    entries = list(choice.entries)
    totals = totals_of_rows(choice.account.pk, [entry.transaction_id for entry in entries])
    seal = choice.seal()
    digest = choice.digest(totals, seal)
    return replace(
        _document(choice, entries, choice.last_entry()),
        money_in=totals.money_in, money_out=totals.money_out,
        digest=digest.hex(), check_page=check_page,
        check_url=f"{check_page}?choice={choice.token(digest, entries)}",
        seal=f"Sealed by seal {seal.number}." if seal else NOT_SEALED,
    )  # fmt: skip


def _text(day: date | None) -> str:
    return day.isoformat() if day else ""


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
