"""The values of a movement of money: `Draft` as the caller passes them, and `PreparedDraft` after
validation.
"""

import uuid
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from accounts.models import Account, User
from ledger.db.ids import uuid7
from ledger.db.json_numbers import loads
from ledger.text.lines import composed
from transactions.exceptions import InvalidDetails, SameAccount
from transactions.models import DESCRIPTION_LIMIT, REFERENCE_LIMIT, Transaction
from transactions.posting import validation

# Plain strings, because `.value` of an enum is slower than every other operation on a status.
COMPLETED, PENDING = Transaction.Status.COMPLETED.value, Transaction.Status.PENDING.value
DEPOSIT, WITHDRAWAL, TRANSFER = (
    Transaction.Type.DEPOSIT.value,
    Transaction.Type.WITHDRAWAL.value,
    Transaction.Type.TRANSFER.value,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A movement of money that is not posted yet.

    A draft without `from_account` is a deposit, and a draft without `to_account` is a withdrawal.
    Accounts are instances or ids. `id` is the idempotency key, and None means a new id.
    `created_at` is the booking time of imported history. If an account has a later entry, the
    booking time becomes a time just after this entry.

    With `pending`, the draft is a hold, which may have an expiry time (`expires_at`). `captures` is
    the hold that the draft captures, and `reverses` is the transaction that the draft refunds. Only
    one of `captures` and `reverses` may be set.
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
class PreparedDraft:
    """A draft with valid values that has not yet been checked against its accounts.

    The function `outline` sets the accounts, and the rows that the draft captures or reverses. The
    function `complete` sets the amount, texts and times. `currency` and the attributes below it are
    set while the accounts are locked.
    """

    draft: Draft | None  # None after `complete`
    id: uuid.UUID
    id_given: bool
    from_id: uuid.UUID | None
    to_id: uuid.UUID | None
    created_by_id: uuid.UUID | None
    type: str
    account_ids: tuple[uuid.UUID, ...]  # one account, or the sender and then the recipient
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
    # `was_posted`: a row with this id already existed. `was_lost`: the answer to the first attempt
    # was lost, so the id was looked up.
    was_posted: bool = False
    was_lost: bool = False

    @property
    def is_repeated(self) -> bool:
        """Whether an earlier call has booked the payment of this draft."""
        return self.was_posted and not self.was_lost

    @property
    def is_hold(self) -> bool:
        """Whether the draft only reserves money."""
        return self.status == PENDING

    @property
    def is_correction(self) -> bool:
        """Whether the draft captures a hold or reverses a payment. Limits do not apply to
        corrections: the hold was counted when it was placed, and refunds have no limit.
        """
        return self.captures_id is not None or self.reverses_id is not None

    def links_to_one_of(self, ids: Container[uuid.UUID | None]) -> bool:
        """Returns whether the draft captures or reverses a row with one of these ids."""
        return self.is_correction and (self.captures_id or self.reverses_id) in ids

    def same_content(self, row: Transaction) -> bool:
        """Returns whether a posted row has the same content as this draft. The value date is
        ignored if the draft has none.
        """
        return (
            (row.status != COMPLETED) == self.is_hold
            and row.from_account_id == self.from_id
            and row.to_account_id == self.to_id
            and row.amount == self.amount
            and composed(row.description) == composed(self.description)
            and composed(row.reference) == composed(self.reference)
            and validation.comparable(row.metadata)
            == validation.comparable(loads(self.metadata_text))
            and self.value_date in (None, row.value_date)
            and row.captures_id == self.captures_id
            and row.reverses_id == self.reverses_id
            and (not self.is_hold or row.expires_at == self.expires_at)
        )


def prepare(draft: Draft) -> PreparedDraft:
    """Returns the validated draft. Raises a LedgerError for the first invalid value."""
    item = outline(draft)
    complete(item)
    return item


def outline(draft: Draft) -> PreparedDraft:
    """Reads only the values that are needed before locking: ids, accounts, type and status. Raises
    LedgerError if one of these values is invalid.

    Call `complete` on the result. In a batch, `complete` runs while the database stores earlier
    rows.
    """
    from_id = validation.account_id(draft.from_account)
    to_id = validation.account_id(draft.to_account)
    if draft.captures and draft.reverses:
        raise InvalidDetails("A transaction captures a hold or reverses a payment, never both.")
    if from_id == to_id:
        raise SameAccount(
            "The payer and the recipient are the same account. Choose another account."
            if from_id
            else "Name the account that the money comes from or goes to."
        )
    return PreparedDraft(
        draft=draft,
        id=uuid7() if draft.id is None else validation.as_uuid(draft.id),
        id_given=draft.id is not None,
        from_id=from_id,
        to_id=to_id,
        created_by_id=validation.id_of(draft.created_by, User, "A person who books this"),
        type=_type(from_id, to_id),
        account_ids=(from_id, to_id) if from_id and to_id else (from_id or to_id,),  # type: ignore[arg-type]
        status=_status(draft, from_id),
        captures_id=validation.id_of(draft.captures, Transaction, "A hold"),
        reverses_id=validation.id_of(draft.reverses, Transaction, "A transaction"),
    )


def complete(item: PreparedDraft) -> None:
    """Validates the amount, texts, metadata and times of the draft, and stores them in `item`. Does
    nothing if `item` is complete. Raises LedgerError for an invalid value.
    """
    draft = item.draft
    if draft is None:
        return
    item.amount = validation.amount_of(draft.amount)
    item.description = validation.text_of(draft.description, DESCRIPTION_LIMIT, "description")
    item.reference = validation.text_of(draft.reference, REFERENCE_LIMIT, "reference")
    item.metadata_text = validation.json_of(draft.metadata) if draft.metadata else "{}"
    if draft.metadata and not (draft.captures or draft.reverses):  # copies of older metadata
        validation.refuse_long_category(draft.metadata)
        validation.refuse_hidden_signs(draft.metadata, item.metadata_text)
    item.value_date = validation.day_of(draft.value_date)
    item.created_at = validation.exact_time(draft.created_at)
    item.expires_at = _expiry(draft)
    item.draft = None


def _status(draft: Draft, from_id: uuid.UUID | None) -> str:
    if not draft.pending:
        return COMPLETED
    if from_id is None or draft.captures or draft.reverses:
        raise InvalidDetails("A hold reserves money on an account: set from_account.")
    return PENDING


def _expiry(draft: Draft) -> datetime | None:
    if draft.expires_at is None:
        return None
    if not draft.pending:
        raise InvalidDetails("Only a hold expires.")
    return validation.in_range("expiry", draft.expires_at)


def _type(from_id: uuid.UUID | None, to_id: uuid.UUID | None) -> str:
    """Returns DEPOSIT without a sender, WITHDRAWAL without a recipient, and otherwise TRANSFER."""
    if from_id is None:
        return DEPOSIT
    return WITHDRAWAL if to_id is None else TRANSFER
