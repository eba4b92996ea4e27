"""Finds the payment files that prevent the closing of an account."""

from django.urls import reverse

from accounts.models import Account
from accounts.obstacles import Obstacle
from banking.payment_files.models import PaymentFile
from transactions.closing.services import register


@register
def files_of(account: Account) -> list[Obstacle]:
    """Returns an obstacle for each file with unpaid lines that pays from this account. Ignores
    files that staff uploaded.
    """
    waiting = (PaymentFile.State.STORED, PaymentFile.State.CHECKED, PaymentFile.State.PAYING)
    rows = PaymentFile.objects.filter(
        from_account=account, created_by=account.user_id, state__in=waiting
    )
    return [
        Obstacle(
            f"The payment file {file.name} is not paid yet. Pay it or remove it first.",
            "Go to the file",
            reverse("transactions:file", args=[file.pk]),
        )
        for file in rows.newest_first()
    ]
