"""Amounts that are no plain positive figure move nothing, wherever they are typed."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from ledger.db.ids import uuid7
from tests.attacks.answers import ask
from tests.attacks.bank import AttackedBank
from tests.attacks.digests import table_digests
from tests.attacks.people import signed_in
from transactions.models import PaymentFile

pytestmark = pytest.mark.django_db
ABUSES = (
    "-1", "\u22121", "0", "0.00", "-0", "NaN", "sNaN", "Infinity", "-Infinity", "inf", "1e3",
    "1E-2", "0x10", "0b1", "0o7", "1_000", "10" * 15, "9" * 400, "1.005", "0.001", "1,2,3",
    "1.2.3", "1,5", "\u0661\u0662", "\uff11\uff10", "\u00bd", "\u2460", "1\u200b0", "1 0 0",
    "+1", "=1", "1;2", "1\n2", "1\x002", "", " ", "one", "1 EUR", "$1",
)  # fmt: skip


def test_a_transfer_of_an_odd_amount_moves_nothing(bank: AttackedBank) -> None:
    eve, before = signed_in(bank.eve.user), table_digests()
    form = {
        "from_account": str(bank.eve.everyday.pk),
        "number": bank.eve.savings.number,
        "step": "send",
    }

    statuses = {
        amount: ask(eve, "POST", "/transfers/new/", form | {"id": str(uuid7()), "amount": amount})
        for amount in ABUSES
    }

    assert {amount: it.status for amount, it in statuses.items() if it.status != 200} == {}
    assert table_digests() == before


@pytest.mark.parametrize("page", ["cash-desk", "hold"])
def test_the_desk_takes_no_odd_amount(bank: AttackedBank, page: str) -> None:
    clerk, before = signed_in(bank.clerk), table_digests()
    url = f"/admin/transactions/transaction/{page}/"
    form = {
        "number": bank.eve.savings.number,
        "direction": "in",
        "reason": "Test",
        "until": "2030-01-01",
        "step": "book",
    }

    broken = {
        amount: answer.status
        for amount in ABUSES
        if (answer := _slip(clerk, url, form, amount)).status not in (200, 302)
    }

    assert broken == {}
    assert table_digests() == before


def _slip(clerk: Any, url: str, form: dict[str, str], amount: str) -> Any:
    id = str(uuid7())
    return ask(clerk, "POST", f"{url}?id={id}", form | {"id": id, "amount": amount})


def test_a_payment_file_pays_no_odd_amount(bank: AttackedBank) -> None:
    eve, rows = signed_in(bank.eve.user), []
    for amount in ABUSES:
        quoted = amount.replace('"', "").replace("\x00", "")
        rows.append(f'{bank.eve.savings.number},"{quoted}",odd,R-1')
    content = "\r\n".join(["to,amount,description,reference", *rows, ""]).encode()
    upload = SimpleUploadedFile("odd.csv", content, "text/csv")
    form = {"id": str(uuid7()), "from_account": str(bank.eve.everyday.pk), "file": upload}

    answer = ask(eve, "POST", "/transfers/files/new/", form)

    assert answer.status == 302
    file = PaymentFile.objects.latest("created_at")
    taken = set(file.lines.filter(verdict="").values_list("amount", flat=True))
    assert taken <= {Decimal(12), Decimal(100), Decimal(1)}, taken
    assert file.lines.exclude(verdict="").count() > len(ABUSES) - 8
