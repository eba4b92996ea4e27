"""What a person agrees to by pressing a button that pays a file, and the proof that they saw it."""

from django.http import HttpRequest

from transactions.models import PaymentFile
from transactions.payment_files.booking import agreed_to
from transactions.safeguards import review

ABOUT = "file"  # in the token of the review


def agreement(request: HttpRequest, file: PaymentFile) -> dict[str, str]:
    """The hidden fields of the buttons that pay: what can be booked now, and the token for it."""
    agreed = agreed_to(file) if file.state == PaymentFile.State.CHECKED else ""
    return {"agreed": agreed, "reviewed": review.token_for(request, ABOUT, _facts(file, agreed))}


def was_agreed(request: HttpRequest, file: PaymentFile) -> bool:
    """Whether the POST has the token of a page that showed what it agrees to. A file that is being
    paid was agreed to before, and needs none to go on.
    """
    if file.state in (PaymentFile.State.PAYING, PaymentFile.State.DONE):
        return True
    return review.was_reviewed(request, ABOUT, _facts(file, request.POST.get("agreed", "")))


def _facts(file: PaymentFile, agreed: str) -> list[tuple[str, str]]:
    return [("file", str(file.pk)), ("agreed", agreed)]
