"""The steps of a clerk with a file: pays the file, presses a button on its page."""

from typing import Any

from django.test import Client

from accounts.models import User
from banking.payment_files.booking import agreed_to, book_whole
from banking.payment_files.models import PaymentFile
from tests.attacks.approvals import as_web
from tests.banking.payment_files.files import press
from tests.banking.payment_files.shared import BASE, WHY


def paid(file: PaymentFile, by: User, book: Any = book_whole) -> PaymentFile:
    now = PaymentFile.objects.get(pk=file.pk)
    with as_web(by):
        done: PaymentFile = book(now, by=by, reason=WHY, agreed=agreed_to(now))
    return done


def press_at(client: Client, file: PaymentFile, button: str, reason: str = WHY) -> Any:
    """Reads the page of the file, and presses a button on it."""
    page = client.get(f"{BASE}{file.pk}/change/")
    said = press(file, button, reason=reason, reviewed=page.context["reviewed"])
    return client.post(f"{BASE}{file.pk}/step/", said, follow=True)
