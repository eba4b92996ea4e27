"""What a person agrees to with a button that pays a file, and the proof that the page showed it."""

from typing import Any

from django.http import HttpRequest

from banking.payment_files.booking import agreed_to, can_be_whole
from banking.payment_files.models import PaymentFile
from transactions.safeguards import review
from transactions.services import MAX_TOGETHER

ABOUT = "file"  # part of the review token


def agreement(request: HttpRequest, file: PaymentFile) -> dict[str, Any]:
    """Returns which buttons pay, and their hidden fields: a fingerprint of the lines that can be
    booked, and the token for it.
    """
    agreed = agreed_to(file) if file.state == PaymentFile.State.CHECKED else ""
    return {
        "agreed": agreed,
        "reviewed": review.token_for(request, ABOUT, _facts(file, agreed)),
        "offers_whole": can_be_whole(file) and not file.refused_count and not file.booked_count,
        "max_whole": MAX_TOGETHER,
    }


def was_agreed(request: HttpRequest, file: PaymentFile) -> bool:
    """Returns whether the POST has the token of a page that showed the same lines. A file that is
    being paid was agreed to before, so it needs no token to continue.
    """
    if file.state in (PaymentFile.State.PAYING, PaymentFile.State.DONE):
        return True
    return review.was_reviewed(request, ABOUT, _facts(file, request.POST.get("agreed", "")))


def _facts(file: PaymentFile, agreed: str) -> list[tuple[str, str]]:
    return [("file", str(file.pk)), ("agreed", agreed)]
