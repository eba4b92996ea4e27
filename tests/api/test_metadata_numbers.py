"""Numbers in metadata keep their digits, wherever metadata is read, written again or compared."""

import json
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.groups import OPERATIONS
from accounts.models import Account, ApprovalRequest
from ledger.db.json_numbers import ExactNumberEncoder, loads
from tests.api.calls import TRANSACTIONS, body, slug
from tests.conftest import colleague
from transactions import services
from transactions.exceptions import IdempotencyConflict, InvalidDetails
from transactions.models import Entry, Transaction
from transactions.privacy.downloads import as_json
from transactions.staff.approvals.requests import ask_for

pytestmark = pytest.mark.django_db
# A number as it is sent, and as Postgres writes it.
NUMBERS = {
    "0.1234567890123456789": "0.1234567890123456789",
    "9007199254740993.0": "9007199254740993.0",
    "1.10": "1.10",
    "1e-400": "0." + "0" * 399 + "1",
    "1e400": "1" + "0" * 400,
    "-12345678901234567890123.5": "-12345678901234567890123.5",
    "12345678901234567890123": "12345678901234567890123",
    "1E23": "1" + "0" * 23,
    "-0.00": "0.00",
}


def pay(client: Client, mine: Account, theirs: Account, metadata: str, key: str = "") -> Any:
    """Pays with this JSON text as the metadata."""
    text = json.dumps({**body(mine, theirs), "metadata": {}}).replace("{}", metadata)
    headers = {"Idempotency-Key": key or str(uuid4())}
    return client.post(TRANSACTIONS, text, content_type="application/json", headers=headers)


def stored(pk: Any) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT metadata::text FROM transactions WHERE id = %s", [pk])
        (text,) = cursor.fetchone()
    return str(text)


@pytest.mark.parametrize(("sent", "kept"), NUMBERS.items())
def test_a_number_is_stored_and_answered_with_its_digits(
    ana: Client, mine: Account, theirs: Account, sent: str, kept: str
) -> None:
    made = pay(ana, mine, theirs, f'{{"rates": [{sent}]}}')
    assert made.status_code == 201, made.content
    pk = made.json()["id"]
    assert stored(pk) == f'{{"rates": [{kept}]}}'
    answers = [
        made,
        ana.get(f"{TRANSACTIONS}{pk}/"),
        ana.get(TRANSACTIONS),
        ana.get("/api/v1/search/"),
    ]
    for answer in answers:
        assert f'"metadata":{{"rates":[{kept}]}}' in answer.content.decode()


def test_bodies_that_differ_in_one_digit_differ(
    ana: Client, mine: Account, theirs: Account
) -> None:
    first = pay(ana, mine, theirs, '{"rate": 0.12345678901234567891}', "one")
    again = pay(ana, mine, theirs, '{"rate": 0.12345678901234567891}', "one")
    assert (again.status_code, again.json()) == (201, first.json())
    other = pay(ana, mine, theirs, '{"rate": 0.12345678901234567899}', "one")
    assert (other.status_code, slug(other)) == (409, "idempotency-conflict")


@pytest.mark.parametrize(
    "number", ["1e4001", "1e-4001", "1e999999999", "-1e-999999999", "0." + "1" * 5_000]
)
def test_a_number_too_long_to_keep_is_refused_without_being_written(
    ana: Client, mine: Account, theirs: Account, number: str
) -> None:
    answer = pay(ana, mine, theirs, f'{{"a": {number}}}')
    assert answer.status_code == 400


@pytest.mark.parametrize("number", ["1e99999999999999999999", "1e-99999999999999999999"])
def test_an_exponent_that_no_number_has_is_refused(
    ana: Client, mine: Account, theirs: Account, number: str
) -> None:
    assert pay(ana, mine, theirs, f'{{"a": {number}}}').status_code == 400


def test_a_service_keeps_decimals_and_refuses_those_that_are_no_numbers(mine: Account) -> None:
    row = services.deposit(to_account=mine, amount=Decimal(1), metadata={"rate": Decimal("1.50")})
    assert (row.metadata, stored(row.pk)) == ({"rate": Decimal("1.5")}, '{"rate": 1.50}')
    too_long = map(Decimal, ("1e4001", "-1e-4001", "1e999999999"))
    for value in (Decimal("NaN"), Decimal("Infinity"), float("inf"), *too_long):
        with pytest.raises(InvalidDetails):
            services.deposit(to_account=mine, amount=Decimal(1), metadata={"rate": value})


@pytest.mark.parametrize("odd", [{1: "a", "1": "b"}, {"a": [{None: 1}]}, {True: 1}])
def test_keys_that_are_no_texts_are_refused(mine: Account, odd: Any) -> None:
    with pytest.raises(InvalidDetails):
        services.deposit(to_account=mine, amount=Decimal(1), metadata=odd)


def test_a_capture_an_approval_and_a_replay_keep_the_digits(mine: Account) -> None:
    exact = loads('{"rate": 0.12345678901234567891}')
    held = services.hold(from_account=mine, amount=Decimal(5), metadata=exact)
    captured = services.capture(hold=Transaction.objects.get(pk=held.pk))
    assert stored(captured.pk) == '{"rate": 0.12345678901234567891}'
    asked = ask_for(
        services.preview(services.Draft(to_account=mine, amount=Decimal(5), metadata=exact)),
        reason="Large", asked_by=colleague(OPERATIONS, "Clerk"),
    )  # fmt: skip
    assert ApprovalRequest.objects.get(pk=asked.pk).parameters["metadata"] == exact
    rounded = {"rate": 0.1234567890}
    with pytest.raises(IdempotencyConflict):
        services.hold(id=held.pk, from_account=mine, amount=Decimal(5), metadata=rounded)


def test_pages_and_files_show_the_digits(ana: Client, mine: Account, client: Client) -> None:
    number = "0.12345678901234567891"
    row = services.deposit(
        to_account=mine, amount=Decimal(1), metadata=loads(f'{{"rate": {number}}}')
    )
    for name in ("detail", "metadata"):
        assert number in ana.get(reverse(f"transactions:{name}", args=[row.pk])).content.decode()
    assert number in b"".join(as_json(mine.user)).decode()
    entry = Entry.objects.for_account(mine).get(transaction=row)
    assert number in json.dumps(entry.metadata, cls=ExactNumberEncoder)
    client.force_login(colleague(OPERATIONS, "Clerk"))
    page = client.get(reverse("admin:transactions_transaction_change", args=[row.pk]))
    assert number in page.content.decode()


@pytest.mark.parametrize("number", ["9" * 4001, "-" + "9" * 4001, "9" * 4300, "0." + "1" * 4001])
def test_a_number_of_more_than_4000_digits_is_refused(
    ana: Client, mine: Account, theirs: Account, number: str
) -> None:
    refused = pay(ana, mine, theirs, f'{{"rate": {number}}}')
    assert refused.status_code == 400
    assert pay(ana, mine, theirs, f'{{"rate": {number[:4000]}}}').status_code == 201
