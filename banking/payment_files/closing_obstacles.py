"""Payment files that keep an account open."""

from django.urls import reverse

from accounts.models import Account
from accounts.obstacles import Obstacle
from banking.payment_files.models import PaymentFile
from transactions.closing.services import register


@register
def files_of(account: Account) -> list[Obstacle]:
    """Files that the owner uploaded, and whose payments are not all made."""
    waiting = (PaymentFile.State.STORED, PaymentFile.State.CHECKED, PaymentFile.State.PAYING)
    rows = PaymentFile.objects.filter(
        from_account=account, created_by=account.user_id, state__in=waiting
    )
    return [
        Obstacle(
            f"The payment file {file.name} waits; pay it or remove it first.",
            "Go to the file",
            reverse("transactions:file", args=[file.pk]),
        )
        for file in rows.newest_first()
    ]
