"""Files of payments as people upload them."""

import io
from typing import Any

from accounts.models import Account
from banking.payment_files.booking import agreed_to
from banking.payment_files.models import PaymentFile, PaymentLine
from banking.payment_files.preview import check
from banking.payment_files.storage import store

HEADING = "to,amount,description,reference"


def csv_of(*lines: str, heading: str = HEADING) -> io.BytesIO:
    return io.BytesIO("\r\n".join([heading, *lines, ""]).encode())


def pay(account: Account, amount: Any, words: str = "Rent") -> str:
    """A line that pays somebody."""
    return f"{account.number},{amount},{words},R-1"


def stored(sender: Account, *lines: str, **facts: Any) -> PaymentFile:
    facts = {"name": "salaries.csv", "created_by": sender.user, **facts}
    source = csv_of(*lines, heading=facts.pop("heading", HEADING))
    return store(source, from_account=sender, **facts)


def checked(sender: Account, *lines: str, **facts: Any) -> PaymentFile:
    return check(stored(sender, *lines, **facts))


def press(file: PaymentFile, step: str, **more: Any) -> dict[str, Any]:
    """What a button of the file's page sends now."""
    return {"step": step, "agreed": agreed_to(PaymentFile.objects.get(pk=file.pk)), **more}


def fates(file: PaymentFile) -> list[str]:
    """What became of each line, in order: "booked", "waiting", or why not."""
    lines = PaymentLine.objects.of(file).in_order()
    return ["booked" if line.booked else line.verdict or "waiting" for line in lines]
