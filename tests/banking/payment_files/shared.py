"""What several tests of payment files do: upload, pay, read the page."""

import csv
import io
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Account
from banking.payment_files.models import PaymentFile
from ledger.db.ids import uuid7
from tests.banking.payment_files.files import checked, csv_of, press

BASE = "/admin/payment_files/paymentfile/"


WHY = "Letter of 20 November, signed"


def upload_for_customer(client: Client, number: str, *lines: str) -> Any:
    content = csv_of(*lines).read()
    file = SimpleUploadedFile("salaries.csv", content, "text/csv")
    return client.post(f"{BASE}add/", {"id": uuid7(), "number": number, "file": file}, follow=True)


def pay_at_the_desk(client: Client, file: PaymentFile, step: str, reason: str = WHY) -> Any:
    said = press(file, step, reason=reason)
    return client.post(f"{BASE}{file.pk}/step/", said, follow=True)


WITH_NAMES = "to,name,amount,description,reference"


def named(sender: Account, *lines: str, **facts: Any) -> PaymentFile:
    """A checked file with a column for names."""
    return checked(sender, *lines, heading=WITH_NAMES, **facts)


def pay_as(account: Account, name: str, amount: int = 1) -> str:
    return f"{account.number},{name},{amount},Rent,R-1"


NEW, LIST = "/transfers/files/new/", "/transfers/files/"


HTMX = {"HX-Request": "true"}


def page_of(file: PaymentFile) -> str:
    return f"/transfers/files/{file.pk}/"


def upload(client: Client, sender: Account, *lines: str, **facts: Any) -> Any:
    content = facts.pop("content", csv_of(*lines).read())
    data = {"id": uuid7(), "from_account": sender.pk, **facts}
    data["file"] = SimpleUploadedFile("salaries.csv", content, "text/csv")
    return client.post(NEW, data, follow=True)


def result_of(client: Client, file: PaymentFile) -> list[dict[str, str]]:
    response = client.get(f"{page_of(file)}result.csv")
    content = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(content)))
