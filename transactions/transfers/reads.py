"""Known recipients, and earlier payments like the one in the form."""

from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from accounts.models import Account
from transactions.models import Entry, Transaction
from transactions.search.engine import between
from transactions.services import Draft

JUST_MINUTES = 30


KNOWN_FROM = 100  # latest entries from which recipients are suggested


def known_accounts(mine: Sequence[Account], sender: Account | None) -> list[tuple[str, str]]:
    """Account numbers that this sender may want to pay, with their holders: own accounts first.

    Only accounts in the currency of the sender.
    """
    if sender is None:
        return []
    known = {
        account.number: f"{account.name} \u00b7\u00b7{account.number[-4:]}"
        for account in mine
        if _can_pay(sender, account)
    }
    for entry in Entry.objects.latest_of(mine, KNOWN_FROM):
        other = entry.counterparty
        if other is not None and not entry.is_credit and _can_pay(sender, other):
            known.setdefault(other.number, entry.counterparty_name)
    return list(known.items())


def _can_pay(sender: Account, recipient: Account) -> bool:
    return (
        recipient.pk != sender.pk
        and recipient.currency == sender.currency
        and not recipient.is_closed
    )


def times_paid(draft: Draft) -> int:
    """How many payments went from this account to that one, counted up to 100."""
    sender, recipient = draft.from_account, draft.to_account
    if not (isinstance(sender, Account) and isinstance(recipient, Account)):
        return 0
    paid = Transaction.objects.filter(
        from_account=sender, to_account=recipient, status="completed"
    ).filter(search=between(sender, recipient))
    count: int = paid[:100].count()
    return count


def just_paid(draft: Draft) -> Transaction | None:
    """Returns the latest payment of the same amount between the same accounts within JUST_MINUTES,
    if any: the draft may repeat it by mistake.
    """
    sender, recipient = draft.from_account, draft.to_account
    if not (isinstance(sender, Account) and isinstance(recipient, Account)):
        return None
    lately = timezone.now() - timedelta(minutes=JUST_MINUTES)
    same = Transaction.objects.filter(
        from_account=sender,
        to_account=recipient,
        amount=draft.amount,
        created_at__gte=lately,
        status=Transaction.Status.COMPLETED,
    )
    last: Transaction | None = same.order_by("-created_at").first()
    return last
