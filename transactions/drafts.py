"""What a caller wants booked (`Draft`), and the same made exact before the books are asked."""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from accounts.currencies import LARGEST_AMOUNT
from accounts.exceptions import AccountNotFound
from accounts.lines import odd_characters, shortened
from accounts.models import EARLIEST, LATEST, Account, User
from ledger.db.ids import uuid7
from transactions.exceptions import InvalidAmount, InvalidDetails, SameAccount
from transactions.models import METADATA_LIMIT, Transaction

PLAIN_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)
DEEPEST = 50  # levels of metadata
# Plain words: `.value` of an enum costs more than all else that is done to a status.
COMPLETED, PENDING = Transaction.Status.COMPLETED.value, Transaction.Status.PENDING.value
DEPOSIT, WITHDRAWAL, TRANSFER = (
    Transaction.Type.DEPOSIT.value,
    Transaction.Type.WITHDRAWAL.value,
    Transaction.Type.TRANSFER.value,
)
DESCRIPTION_LIMIT = Transaction._meta.get_field("description").max_length or 0
REFERENCE_LIMIT = Transaction._meta.get_field("reference").max_length or 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A movement of money, not yet booked.

    The type follows from the sides: no `from_account` is a deposit, no `to_account` a
    withdrawal. Accounts are instances or ids. `id` is the idempotency key; without one the
    draft gets a new id. `created_at` is for imports of history: the booking time, moved up
    where the account's last entry is later.

    `pending` makes it a hold, which may expire (`expires_at`); `captures` names the hold it
    completes, `reverses` the transaction it takes back.
    """

    amount: Decimal | int | str
    from_account: Account | uuid.UUID | str | None = None
    to_account: Account | uuid.UUID | str | None = None
    id: uuid.UUID | str | None = None
    description: str = ""
    reference: str = ""
    metadata: Mapping[str, Any] | None = None
    value_date: date | None = None
    created_by: User | uuid.UUID | None = None
    created_at: datetime | None = None
    pending: bool = False
    expires_at: datetime | None = None
    captures: Transaction | uuid.UUID | None = None
    reverses: Transaction | uuid.UUID | None = None


@dataclass(slots=True)
class Item:
    """A draft whose own facts hold: what is left to ask is the accounts.

    `outline` fills in what says which accounts and rows it touches, `complete` what says how;
    `currency` and what follows it are filled in by posting, under the lock.
    """

    draft: Draft | None  # None once it is complete
    id: uuid.UUID
    id_given: bool
    from_id: uuid.UUID | None
    to_id: uuid.UUID | None
    created_by_id: uuid.UUID | None
    type: str
    account_ids: tuple[uuid.UUID, ...]  # one, or two with the sender first
    status: str = COMPLETED
    captures_id: uuid.UUID | None = None
    reverses_id: uuid.UUID | None = None
    amount: Decimal = Decimal(0)
    description: str = ""
    reference: str = ""
    metadata_text: str = "{}"
    value_date: date | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    currency: str = ""
    booked_at: datetime | None = None
    booked_value_date: date | None = None
    from_balance: Decimal | None = None
    to_balance: Decimal | None = None

    @property
    def is_hold(self) -> bool:
        """Whether it reserves money instead of moving it."""
        return self.status == PENDING

    @property
    def is_correction(self) -> bool:
        """Whether it completes or takes back what was decided before, so that no limit asks."""
        return self.captures_id is not None or self.reverses_id is not None

    def same_content(self, row: Transaction) -> bool:
        """Whether a posted row is what this item asks for. An unsaid value date matches any."""
        return (
            (row.status != COMPLETED) == self.is_hold
            and row.from_account_id == self.from_id
            and row.to_account_id == self.to_id
            and row.amount == self.amount
            and row.description == self.description
            and row.reference == self.reference
            and exact(row.metadata) == exact(json.loads(self.metadata_text))
            and self.value_date in (None, row.value_date)
            and row.captures_id == self.captures_id
            and row.reverses_id == self.reverses_id
            and (not self.is_hold or row.expires_at == self.expires_at)
        )


def prepare(draft: Draft) -> Item:
    """Makes a draft exact. Raises the LedgerError of the first fact that does not hold."""
    item = outline(draft)
    complete(item)
    return item


def outline(draft: Draft) -> Item:
    """What must be known before anything can be locked: the accounts and rows it touches.

    Of a batch the rest is made exact while the database stores the first rows.
    """
    from_id = _account_id(draft.from_account)
    to_id = _account_id(draft.to_account)
    if from_id == to_id:
        raise SameAccount(
            "Money moves between two different accounts; choose another one."
            if from_id
            else "Say which account the money comes from or goes to."
        )
    return Item(
        draft=draft,
        id=uuid7() if draft.id is None else _as_uuid(draft.id),
        id_given=draft.id is not None,
        from_id=from_id,
        to_id=to_id,
        created_by_id=_id_of(draft.created_by, User, "A person who books this"),
        type=_type(from_id, to_id),
        account_ids=(from_id, to_id) if from_id and to_id else (from_id or to_id,),  # type: ignore[arg-type]
        status=_status(draft, from_id),
        captures_id=_id_of(draft.captures, Transaction, "A hold"),
        reverses_id=_id_of(draft.reverses, Transaction, "A transaction"),
    )


def complete(item: Item) -> None:
    """Makes the rest exact: amount, texts, metadata, times. Nothing is done twice."""
    draft = item.draft
    if draft is None:
        return
    item.amount = _amount(draft.amount)
    item.description = _text(draft.description, DESCRIPTION_LIMIT, "description")
    item.reference = _text(draft.reference, REFERENCE_LIMIT, "reference")
    item.metadata_text = _json(draft.metadata) if draft.metadata else "{}"
    item.value_date = _day(draft.value_date)
    item.created_at = _moment(draft.created_at)
    item.expires_at = _expiry(draft)
    item.draft = None


def _status(draft: Draft, from_id: uuid.UUID | None) -> str:
    if not draft.pending:
        return COMPLETED
    if from_id is None or draft.captures or draft.reverses:
        raise InvalidDetails("A hold reserves money on an account: say which it comes from.")
    return PENDING


def _expiry(draft: Draft) -> datetime | None:
    if draft.expires_at is None:
        return None
    if not draft.pending:
        raise InvalidDetails("Only a hold expires.")
    return _in_range("expiry", draft.expires_at)


def _id_of(
    thing: User | Transaction | uuid.UUID | None, kind: type[User | Transaction], what: str
) -> uuid.UUID | None:
    """The id of an instance of that kind, or the id itself; nothing else goes near the SQL."""
    if thing is None or isinstance(thing, uuid.UUID):
        return thing
    if isinstance(thing, kind):
        return thing.pk
    raise InvalidDetails(f"{what} or its id is needed; {shortened(repr(thing))} is neither.")


def exact(value: Any) -> Any:
    """JSON to compare: numbers by value (jsonb gives 1e23 back as an integer), true not as 1."""
    if isinstance(value, dict):
        return {key: exact(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [exact(inner) for inner in value]
    if isinstance(value, bool):
        return str(value), bool
    return Decimal(repr(value)) if isinstance(value, float | int) else value


def _type(from_id: uuid.UUID | None, to_id: uuid.UUID | None) -> str:
    """What the sides make of it."""
    if from_id is None:
        return DEPOSIT
    return WITHDRAWAL if to_id is None else TRANSFER


def _account_id(account: Account | uuid.UUID | str | None) -> uuid.UUID | None:
    if account is None or isinstance(account, uuid.UUID):
        return account
    if isinstance(account, Account):
        return account.pk
    try:
        return uuid.UUID(account)
    except (ValueError, AttributeError, TypeError):
        said = shortened(repr(account))
        raise AccountNotFound(f"There is no account with the id {said}.") from None


def _as_uuid(value: uuid.UUID | str) -> uuid.UUID:
    if isinstance(value, uuid.UUID):
        return value
    try:
        return uuid.UUID(value)
    except (ValueError, AttributeError, TypeError):
        said = shortened(repr(value))
        raise InvalidDetails(f"A transaction's id is a UUID; {said} is not.") from None


def _amount(value: Decimal | int | str) -> Decimal:
    if isinstance(value, str) and PLAIN_NUMBER.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = Decimal(value)
    if not isinstance(value, Decimal):
        raise InvalidAmount(
            f"{shortened(repr(value))} is not an exact amount; write a Decimal, "
            "like Decimal('950.00')."
        )
    if type(value) is not Decimal:
        value = Decimal(value)  # of a subclass, only the number
    if not value.is_finite():
        raise InvalidAmount("An amount is a number above zero.")
    if value <= 0:
        raise InvalidAmount(f"An amount is above zero; {shortened(str(value))} is not.")
    if value > LARGEST_AMOUNT:
        raise InvalidAmount(f"An amount is at most {LARGEST_AMOUNT:,f}.")
    return value


def _text(value: str, limit: int, what: str) -> str:
    if not isinstance(value, str):
        raise InvalidDetails(f"The {what} is text.")
    if len(value) > limit:
        raise InvalidDetails(
            f"The {what} has {len(value):,} characters; at most {limit} fit. Shorten it."
        )
    if odd_characters(value) or not _encodes(value):
        raise InvalidDetails(f"The {what} has a character that cannot be stored; remove it.")
    return value


def _json(metadata: Mapping[str, Any]) -> str:
    if not isinstance(metadata, Mapping):
        raise InvalidDetails("Metadata is a JSON object: names with values.")
    if _too_deep(metadata):
        raise InvalidDetails(f"Metadata is nested {DEEPEST} levels at most; make it flatter.")
    try:
        text = json.dumps(
            dict(metadata), cls=DjangoJSONEncoder, ensure_ascii=False, allow_nan=False
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidDetails(f"Metadata is a JSON object; this is not: {error}.") from None
    if not _encodes(text) or ("\\u0000" in text and _has_nul(json.loads(text))):
        raise InvalidDetails("Metadata has a character that cannot be stored; remove it.")
    size = len(text.encode()) + _grown(text)
    if size > METADATA_LIMIT:
        raise InvalidDetails(f"Metadata takes {size:,} bytes; at most {METADATA_LIMIT:,} fit.")
    return text


def _too_deep(value: Any, left: int = DEEPEST) -> bool:
    """Whether containers stand in each other more than so many times."""
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return False
    return left == 0 or any(_too_deep(inner, left - 1) for inner in value)


def _grown(text: str) -> int:
    """How many bytes longer the JSON is as jsonb writes it: 1e300 with all its zeros."""
    longer = 0

    def measure(number: str) -> int:
        nonlocal longer
        longer += max(0, len(format(Decimal(number), "f")) - len(number))
        return 0

    if "e" in text:
        json.loads(text, parse_float=measure)
    return longer


def _has_nul(value: Any) -> bool:
    """Whether any key or string of some JSON has the character that jsonb refuses."""
    if isinstance(value, dict):
        return any(_has_nul(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return any(_has_nul(inner) for inner in value)
    return isinstance(value, str) and "\x00" in value


def _encodes(text: str) -> bool:
    """False for a lone surrogate, which UTF-8 has no bytes for."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _day(value: date | None) -> date | None:
    if value is None:
        return value
    if not isinstance(value, date) or isinstance(value, datetime):
        said = shortened(repr(value))
        raise InvalidDetails(f"A value date is a day, like date(2026, 11, 20); {said} is not.")
    if not EARLIEST.date() <= value < LATEST.date():
        raise InvalidDetails(f"A value date lies between {EARLIEST.year} and {LATEST.year}.")
    return value


def _in_range(what: str, value: datetime) -> datetime:
    if not isinstance(value, datetime) or timezone.is_naive(value):
        raise InvalidDetails(f"A time of {what} is a datetime with a time zone.")
    if not EARLIEST <= value < LATEST:
        raise InvalidDetails(f"A time of {what} lies between {EARLIEST.year} and {LATEST.year}.")
    return value


def _moment(value: datetime | None) -> datetime | None:
    if value is None:
        return None
    if _in_range("booking", value) > timezone.now():
        raise InvalidDetails("Nothing is booked in the future; leave the booking time out.")
    return value
