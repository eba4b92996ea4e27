"""Amounts that are not plain positive numbers move no money, whatever form contains them."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from banking.payment_files.models import PaymentFile
from ledger.db.ids import uuid7
from tests.attacks.answers import ask
from tests.attacks.bank import AttackedBank
from tests.attacks.people import signed_in
from tests.reviews import book, send
from tests.transactions.staff.forms import DESK, HOLD, hold_form, slip
from transactions.models import Transaction

pytestmark = pytest.mark.django_db
PLAIN = "12.50"
ABUSES = (
    "-1", "\u22121", "0", "0.00", "-0", "NaN", "sNaN", "Infinity", "-Infinity", "inf", "1e3",
    "1E-2", "0x10", "0b1", "0o7", "1_000", "10" * 15, "9" * 400, "1.005", "0.001", "1,2,3",
    "1.2.3", "1,5", "\u0661\u0662", "\uff11\uff10", "\u00bd", "\u2460", "1\u200b0", "1 0 0",
    "+1", "=1", "1;2", "1\n2", "1\x002", "", " ", "one", "1 EUR", "$1",
)  # fmt: skip


def not_for_the_amount(send: Callable[[str], Any]) -> dict[str, Any]:
    """Returns the amounts that are accepted or are refused for another reason, with the fields that
    have errors. Sends a plain amount at the end, which must be booked.
    """
    wrong = {amount: names for amount in ABUSES if (names := _refused(send(amount))) != ["amount"]}
    before = Transaction.objects.count()
    assert send(PLAIN).status_code == 302
    assert Transaction.objects.count() == before + 1
    return wrong


def _refused(response: Any) -> list[str]:
    """Returns the fields with errors on the page of a form, and nothing for other responses."""
    return list(response.context["form"].errors) if response.status_code == 200 else []


def test_a_transfer_of_an_odd_amount_moves_nothing(bank: AttackedBank) -> None:
    eve = signed_in(bank.eve.user)
    sides = {"from_account": str(bank.eve.everyday.pk), "number": bank.eve.savings.number}

    wrong = not_for_the_amount(
        lambda amount: send(eve, {**sides, "id": str(uuid7()), "amount": amount})
    )

    assert wrong == {}


@pytest.mark.parametrize(
    ("page", "filled_in"), [(DESK, slip), (HOLD, hold_form)], ids=["cash desk", "hold"]
)
def test_the_desk_takes_no_odd_amount(
    bank: AttackedBank, page: str, filled_in: Callable[..., dict[str, Any]]
) -> None:
    clerk = signed_in(bank.clerk)

    wrong = not_for_the_amount(
        lambda amount: book(clerk, page, filled_in(bank.eve.savings, amount=amount))
    )

    assert wrong == {}


def test_a_payment_file_pays_no_odd_amount(bank: AttackedBank) -> None:
    eve, to = signed_in(bank.eve.user), bank.eve.savings.number
    amounts = [amount for amount in ABUSES if "\x00" not in amount] + [PLAIN]
    rows = [f'{to},"{amount}",odd,R-1' for amount in amounts]
    content = "\r\n".join(["to,amount,description,reference", *rows, ""]).encode()
    upload = SimpleUploadedFile("odd.csv", content, "text/csv")
    form = {"id": str(uuid7()), "from_account": str(bank.eve.everyday.pk), "file": upload}

    answer = ask(eve, "POST", "/transfers/files/new/", form)

    assert answer.status == 302
    lines = PaymentFile.objects.latest("created_at").lines
    assert lines.count() == len(amounts)
    payable = lines.filter(verdict="")
    assert list(payable.values_list("amount", flat=True)) == [Decimal(PLAIN)]
