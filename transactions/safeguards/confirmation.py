"""Which payments need a step-up: to a new recipient, or over the limit, alone or with others.

Note [Splitting]: the limit counts what a person has sent to others, from all their accounts, in
that currency today, since their last proof ended (`covered_until`). Payments are booked first and
summed up behind a lock on the person, in the transaction that books them, so that payments sent at
the same moment cannot pass the limit together.
"""

import uuid
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from accounts.models import Account, User
from ledger.text.dates import start_of_day
from ledger.text.money import money
from transactions import services
from transactions.exceptions import LedgerError
from transactions.models import Transaction
from transactions.safeguards.recipients import has_paid
from transactions.services import Draft

NEW_RECIPIENT = "This is your first payment to this account. Confirm that it is you."


class ConfirmationNeeded(LedgerError):
    """The payment needs a step-up: to a new recipient, or over the limit."""


def limit_in(currency: str) -> Decimal:
    """What a person may pay to others on a day without a step-up, from LEDGER_STEP_UP_OVER."""
    limits: dict[str, Decimal] = settings.LEDGER_STEP_UP_OVER
    return limits.get(currency, limits[""])


def is_covered(covered_until: datetime | None) -> bool:
    """Whether the last proof, which counts until then, still counts."""
    return covered_until is not None and covered_until > timezone.now()


def why_confirm(
    person: User, sender: Account, recipient: Account, amount: Decimal,
    *, covered_until: datetime | None,
) -> str:  # fmt: skip
    """Why a payment needs a step-up now, in a sentence; "" if it needs none."""
    if is_covered(covered_until) or recipient.user_id == person.pk:
        return ""
    if not has_paid(person, recipient):
        return NEW_RECIPIENT
    total = amount + paid_today(person.pk, sender.currency, covered_until)
    return over_limit(sender.currency) if total > limit_in(sender.currency) else ""


def book(
    draft: Draft, person: User, *, covered_until: datetime | None, is_known: bool = False
) -> Transaction:
    """Books a payment of a person. Raises ConfirmationNeeded if it needs a step-up first; otherwise
    as `services.book`. `is_known`: the recipient is known to be none that is new.
    """
    sender, recipient = draft.from_account, draft.to_account
    if not (isinstance(sender, Account) and isinstance(recipient, Account)):
        raise TypeError("a payment between two accounts is needed")
    if is_covered(covered_until) or recipient.user_id == person.pk:
        return services.book(draft)
    if not is_known and not has_paid(person, recipient):
        raise ConfirmationNeeded(NEW_RECIPIENT)
    refuse = refuse_over_limit(person.pk, sender.currency, covered_until)
    return services.book(draft, beside=lambda _row: refuse())


def refuse_over_limit(
    person: uuid.UUID, currency: str, covered_until: datetime | None
) -> Callable[..., None]:
    """A check for the transaction that books, after its rows are written: Note [Splitting].

    It raises ConfirmationNeeded if what was paid, and `to_come` after it, is over the limit.
    """

    def refuse(to_come: Decimal = Decimal(0)) -> None:
        list(User.objects.select_for_update(no_key=True).filter(pk=person).values_list("pk"))
        if paid_today(person, currency, covered_until) + to_come > limit_in(currency):
            raise ConfirmationNeeded(over_limit(currency))

    return refuse


def paid_today(person: uuid.UUID, currency: str, covered_until: datetime | None) -> Decimal:
    """What a person sent to others in this currency today, since `covered_until`."""
    since = start_of_day(timezone.localdate())
    if covered_until is not None:
        since = max(since, covered_until)
    own = Account.objects.filter(user=person).values("pk")
    paid = Transaction.objects.filter(
        from_account__in=own,
        created_at__gte=since,
        currency=currency,
        type=Transaction.Type.TRANSFER,
        status=Transaction.Status.COMPLETED,
        created_by=person,
    ).exclude(to_account__in=own)
    return paid.aggregate(total=Sum("amount"))["total"] or Decimal(0)


def over_limit(currency: str) -> str:
    """Why a payment over the limit needs a step-up."""
    limit = money(limit_in(currency), currency)
    return f"With this payment you pay others more than {limit} today. Confirm that it is you."
