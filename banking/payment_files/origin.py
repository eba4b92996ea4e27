"""Finds the payment file of a transaction, so that the receipt can show it."""

from django.urls import reverse

from accounts.models import User
from banking.payment_files.models import PaymentLine
from transactions.models import Transaction
from transactions.origins import Origin, register

RIGHTS = ("payment_files.view_paymentfile", "transactions.use_cash_desk")


@register
def file_of(row: Transaction, reader: User) -> Origin | None:
    """Returns the payment file of a transaction as an Origin, or None if the transaction does not
    come from a file. For the owner of the paying account, the Origin contains a link to the file's
    page. For staff with the permission, it contains a link to the admin. For the payee, it contains
    no link.
    """
    line = PaymentLine.objects.filter(pk=row.pk, booked=True).select_related("file").first()
    if line is None:
        return None
    return Origin(
        line.file_id,
        "From a file",
        line.file.name,
        _url(row, line, reader),
        caption=f"Line {line.number:,}",
        how="from a file",
    )


def _url(row: Transaction, line: PaymentLine, reader: User) -> str:
    if row.from_account and row.from_account.user_id == reader.pk:
        return reverse("transactions:file", args=[line.file_id])
    if reader.is_staff and any(map(reader.has_perm, RIGHTS)):
        return reverse("admin:payment_files_paymentfile_change", args=[line.file_id])
    return ""
