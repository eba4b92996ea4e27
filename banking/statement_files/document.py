"""A statement as all formats write it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from uuid import UUID

from ledger.text.dates import long_date, month_name
from transactions.exceptions import LedgerError
from transactions.models import Entry


class FileTooLong(LedgerError):
    """The statement has more entries or letters than a file of this format holds here."""

    field = "format"


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One entry. `booked_at` is in the time zone of the statement; `amount` is negative for money
    out; `who` and `number` are of the other side, "" outside the bank.
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
        """In the time zone of the statement."""
        return self.booked_at.date()

    @property
    def words(self) -> str:
        """Description and reference, as far as the title does not say them."""
        description = "" if self.title == self.description else self.description
        return " · ".join(filter(None, (description, self.reference)))


@dataclass(frozen=True, slots=True)
class StatementDocument:
    """A statement of whole days. `number` and `month` are those of a monthly statement, None for
    what somebody has chosen; then `selection` says in words what filters left out. The balances are
    the account's, to which the lines of a selection do not lead. `made_at` is in the time zone of
    the statement, in which its days are too, whatever the setting is later.

    `lines` can be read once, oldest first. `digest` is hexadecimal, "" in formats without proof;
    `check_page` is the address of the page that checks it, `check_url` the same with what to check.
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
        """At most 16 letters and digits that tell this statement from others of the account."""
        if self.month is not None:
            return f"M{self.number:05}{self.month:%Y%m}"
        return f"X{self.made_at:%y%m%d%H%M%S}"


def lines_of(
    entries: Iterable[Entry], *, holder: UUID, zone: tzinfo, names: dict[str, str] | None = None
) -> Iterator[StatementLine]:
    """Entries as lines, with times in `zone`. `names`: of the other sides, by id of account; else
    those of today.
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
