"""The statement as a file: exactly what is filtered, and nothing a spreadsheet would run."""

import csv
from decimal import Decimal
from io import StringIO

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from ledger.text.csv_cells import guarded
from transactions import services

pytestmark = pytest.mark.django_db


def test_the_file_holds_exactly_what_is_filtered_oldest_first(
    ana: Client, account: Account
) -> None:
    url = reverse("transactions:statement_csv", args=[account.pk])
    response = ana.get(url, {"q": "rent"})
    content = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    rows = list(csv.DictReader(StringIO(content)))
    assert response.headers["Content-Disposition"].endswith(
        f'"statement-{account.number}-found.csv"'
    )
    assert [row["description"] for row in rows] == [f"Rent {n}" for n in range(10)]
    assert rows[0]["amount"] == "-3.00"
    assert (rows[0]["who"], rows[0]["balance"]) == ("Mara Lindt", "7.00")


def test_the_file_holds_no_formula(ana: Client, account: Account) -> None:
    services.deposit(
        to_account=account,
        amount=Decimal(1),
        description="=1+1",
        reference="\uff1dx",
        metadata={"category": " +x"},
    )
    url = reverse("transactions:statement_csv", args=[account.pk])
    content = b"".join(ana.get(url).streaming_content).decode()  # type: ignore[attr-defined]
    last = list(csv.DictReader(StringIO(content)))[-1]
    assert (last["description"], last["reference"]) == ("'=1+1", "'\uff1dx")
    assert last["category"] == "' +x"
    assert [guarded(text) for text in ("\tx", "\nx", "\rx", "x-1", "")] == [
        "'\tx",
        "'\nx",
        "'\rx",
        "x-1",
        "",
    ]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("x;=1+1", "x;'=1+1"),
        ("y; @SUM(A1)", "y; '@SUM(A1)"),
        ("a\t-1;+2", "a\t'-1;'+2"),
        ("a\n\uff1dx", "a\n'\uff1dx"),
        ("a|=1", "a|'=1"),
        ('x;"=1+1;y', "x;\"'=1+1;y"),
        ('x\t""=1+1', 'x\t""\'=1+1'),
        ("a;\u200b=1", "a;\u200b'=1"),
        ('"=1', "'\"=1"),
        ("50 % off; see 2-3", "50 % off; see 2-3"),
    ],
)
def test_no_formula_starts_after_another_separator(text: str, cell: str) -> None:
    assert guarded(text) == cell
