"""Decides which payments need a step-up: payments to a new recipient, and payments over the limit.

Note [Splitting]: the limit applies to the sum that a person has sent to others today in the same
currency, from all of the person's accounts. Payments before `covered_until` are not included,
because a proof of identity already covered them. The function `paid_to_others` computes the sum in
the turn of the person (Note [Turn of a person]), in the transaction that books the payment. So
payments that are sent at the same moment cannot exceed the limit together. The function waits and
sums in two SQL statements, because a single statement would not see payments that were booked while
it waited. Both statements run before any account is locked (Note [Sums before locks]). The payments
that the transaction itself books are added to the sum.
"""

import uuid
from datetime import datetime
from decimal import Decimal

from django.utils import timezone

from accounts.models import Account, User
from accounts.sign_in.step_up import limit_in
from ledger.text.dates import start_of_day
from ledger.text.money import money
from transactions import services
from transactions.exceptions import LedgerError
from transactions.models import Transaction
from transactions.safeguards.recipients import has_paid
from transactions.services import Booked, Draft

NEW_RECIPIENT = "This is your first payment to this account. Confirm that it is you."


class ConfirmationNeeded(LedgerError):
    """A payment needs a step-up, because the recipient is new or the payment is over the limit."""


def is_covered(covered_until: datetime | None) -> bool:
    """Returns whether the last proof of identity is still valid. The proof is valid until
    `covered_until`. None means that there was no proof.
    """
    return covered_until is not None and covered_until > timezone.now()


def why_confirm(
    person: User, sender: Account, recipient: Account, amount: Decimal,
    *, covered_until: datetime | None,
) -> str:  # fmt: skip
    """Returns the reason why a payment needs a step-up now, or ""."""
    if is_covered(covered_until) or recipient.user_id == person.pk:
        return ""
    if not has_paid(person, recipient):
        return NEW_RECIPIENT
    total = amount + paid_today(person.pk, sender.currency, covered_until)
    return over_limit(sender.currency) if total > limit_in(sender.currency) else ""


def book(
    draft: Draft, person: User, *, covered_until: datetime | None, is_known: bool = False
) -> Transaction:
    """Books a payment of a person and returns the transaction. `is_known` is true if the caller has
    checked that the person has paid this recipient before.

    Raises: ConfirmationNeeded if the payment needs a step-up; also the errors of `services.book`.
    """
    return book_once(draft, person, covered_until=covered_until, is_known=is_known).row


def book_once(
    draft: Draft, person: User, *, covered_until: datetime | None, is_known: bool = False
) -> Booked:
    """Books a payment like `book`. The result also contains whether an earlier call has booked the
    payment.
    """
    sender, recipient = draft.from_account, draft.to_account
    if not (isinstance(sender, Account) and isinstance(recipient, Account)):
        raise TypeError("a payment between two accounts is needed")
    if is_covered(covered_until) or recipient.user_id == person.pk:
        return services.book_once(draft)
    if not is_known and not has_paid(person, recipient):
        raise ConfirmationNeeded(NEW_RECIPIENT)
    within = limit_today(person.pk, sender.currency, covered_until)
    return services.book_once(draft, within=within)


def limit_today(
    person: uuid.UUID, currency: str, covered_until: datetime | None
) -> services.DayLimit:
    """Returns the limit up to which a person may pay others today without a step-up, see Note
    [Splitting]. A payment over the limit raises ConfirmationNeeded.
    """
    refusal = ConfirmationNeeded(over_limit(currency))
    since = _since(covered_until)
    return services.DayLimit(person, currency, since, limit_in(currency), refusal)


def paid_today(person: uuid.UUID, currency: str, covered_until: datetime | None) -> Decimal:
    """Returns the sum that a person has sent to others in this currency since the start of today,
    or since `covered_until` if that is later. Use the sum only for display, because payments that
    are booked at the same moment are not included.
    """
    return services.paid_to_others(person, currency, _since(covered_until), in_turn=False)


def _since(covered_until: datetime | None) -> datetime:
    """Returns the start of today, or `covered_until` if that is later."""
    begins = start_of_day(timezone.localdate())
    return begins if covered_until is None else max(begins, covered_until)


def over_limit(currency: str) -> str:
    """Returns the message for a payment that is over the limit and needs a step-up."""
    limit = money(limit_in(currency), currency)
    return f"With this payment you pay others more than {limit} today. Confirm that it is you."
