"""An account statement as a document. All file formats are made from this document."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from uuid import UUID

from ledger.text.dates import long_date, month_name
from transactions.exceptions import LedgerError
from transactions.models import Entry


class FileTooLong(LedgerError):
    """The statement has more entries or letters than a file of this format may have."""

    field = "format"


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One entry of a statement. `booked_at` is in the statement's time zone. `amount` is negative
    for money out. `who` and `number` are the name and the account number of the other side (the
    payer or the recipient), or "" if the other side has no account at this bank.
    """

    id: UUID
    booked_at: datetime
    value_date: date
    amount: Decimal
    balance: Decimal
    who: str
    number: str
    kind: str
    is_reversal: bool
    description: str
    reference: str

    @property
    def title(self) -> str:
        return self.who or self.description or self.kind.capitalize()

    @property
    def booked_on(self) -> date:
        """The day of the booking in the statement's time zone."""
        return self.booked_at.date()

    @property
    def words(self) -> str:
        """The description and the reference. Leaves out the description if it is already the title
        of the line.
        """
        description = "" if self.title == self.description else self.description
        return " · ".join(filter(None, (description, self.reference)))


@dataclass(frozen=True, slots=True)
class StatementDocument:
    """A statement for whole days.

    - `number` and `month`: None if a person has chosen the entries. `selection` then describes the
      filters.
    - `opening` and `closing`: the balances of the account, even if the document contains only
      chosen entries.
    - `made_at` and the days: in the time zone of the statement, even if the bank has changed its
      time zone.
    - `lines`: oldest first. They can be read only once.
    - `digest`: hexadecimal, or "" in formats without a digest.
    - `check_page`: the URL of the page that checks statements.
    - `check_url`: the same URL with the digest or the code of this statement.
    """

    account_number: str
    account_name: str
    holder: str
    currency: str
    number: int | None
    month: date | None
    first_day: date
    last_day: date
    opening: Decimal
    closing: Decimal
    lines: Iterable[StatementLine]
    made_at: datetime
    selection: str = ""
    money_in: Decimal | None = None
    money_out: Decimal | None = None
    digest: str = ""
    check_page: str = ""
    check_url: str = ""
    seal: str = ""

    @property
    def title(self) -> str:
        if self.month is not None:
            return f"Statement {self.number}, {month_name(self.month)}"
        return "Statement"

    @property
    def period(self) -> str:
        return f"{long_date(self.first_day)} to {long_date(self.last_day)}"

    @property
    def short_id(self) -> str:
        """An id of at most 16 letters and digits that is unique among the statements of the
        account.
        """
        if self.month is not None:
            return f"M{self.number:05}{self.month:%Y%m}"
        return f"X{self.made_at:%y%m%d%H%M%S}"


def lines_of(
    entries: Iterable[Entry], *, holder: UUID, zone: tzinfo, names: dict[str, str] | None = None
) -> Iterator[StatementLine]:
    """Yields a line for each entry, with times in `zone`. `names` is a dict from account id to the
    name of the account's holder, for the other sides of the entries. If `names` is None, uses the
    current names.
    """
    for entry in entries:
        other = entry.counterparty
        who = "" if other is None else other.name if other.user_id == holder else other.user.name
        if names is not None and other is not None:
            who = names.get(str(other.pk), who)
        yield StatementLine(
            id=entry.transaction_id, booked_at=entry.created_at.astimezone(zone),
            value_date=entry.value_date,
            amount=entry.signed_amount, balance=entry.balance, who=who,
            number=other.number if other else "", kind=entry.type,
            is_reversal=entry.reverses_id is not None, description=entry.description,
            reference=entry.reference,
        )  # fmt: skip
