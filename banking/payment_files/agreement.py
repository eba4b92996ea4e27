"""Checks to which lines a person agrees when the person presses the button that pays a file. A
token proves which lines the page showed.
"""

from typing import Any

from django.http import HttpRequest

from banking.payment_files.booking import agreed_to, can_be_whole
from banking.payment_files.models import PaymentFile
from transactions.safeguards import review
from transactions.services import MAX_TOGETHER

ABOUT = "file"  # the purpose of the review token


def agreement(request: HttpRequest, file: PaymentFile) -> dict[str, Any]:
    """Returns the template context for the buttons that pay the file: `agreed`, a fingerprint of
    the lines that can be booked, and `reviewed`, a token for this fingerprint. Both are hidden
    fields of the form.
    """
    agreed = agreed_to(file) if file.state == PaymentFile.State.CHECKED else ""
    return {
        "agreed": agreed,
        "reviewed": review.token_for(request, ABOUT, _facts(file, agreed)),
        "offers_whole": can_be_whole(file) and not file.refused_count and not file.booked_count,
        "max_whole": MAX_TOGETHER,
    }


def was_agreed(request: HttpRequest, file: PaymentFile) -> bool:
    """Returns whether the page showed the lines to which the person agrees. The field `agreed` of
    the POST contains the fingerprint of these lines, and a token in the POST proves that the page
    showed them. Also returns True if the payment of the file has begun, because the person agreed
    before.
    """
    if file.state in (PaymentFile.State.PAYING, PaymentFile.State.DONE):
        return True
    return review.was_reviewed(request, ABOUT, _facts(file, request.POST.get("agreed", "")))


def _facts(file: PaymentFile, agreed: str) -> list[tuple[str, str]]:
    return [("file", str(file.pk)), ("agreed", agreed)]
