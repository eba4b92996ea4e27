"""The transfer of Django tutorials, on the same columns."""

from decimal import Decimal
from uuid import UUID

from django.db import transaction as db_transaction
from django.utils import timezone

from accounts.models import Account
from transactions.models import Transaction


def transfer(sender_id: UUID, recipient_id: UUID, amount: Decimal, description: str) -> None:
    """Transfers with two locks one after the other, two saves and one row."""
    with db_transaction.atomic():
        sender = Account.objects.select_for_update().get(pk=sender_id)
        recipient = Account.objects.select_for_update().get(pk=recipient_id)
        if sender.balance < amount:
            raise ValueError("Not enough money.")
        now = timezone.now()
        sender.balance -= amount
        sender.last_entry_at = now
        sender.save()
        recipient.balance += amount
        recipient.last_entry_at = now
        recipient.save()
        Transaction.objects.create(
            from_account=sender,
            to_account=recipient,
            amount=amount,
            currency=sender.currency,
            type=Transaction.Type.TRANSFER,
            status=Transaction.Status.COMPLETED,
            description=description,
            created_at=now,
            from_balance=sender.balance,
            to_balance=recipient.balance,
        )
