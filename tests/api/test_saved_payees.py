"""Saved recipients by the API, with the rules of the page."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account
from accounts.services import close_account
from tests.api.calls import bearer, post, slug
from tests.factories import AccountFactory, nobodys
from transactions import services
from transactions.models import Transaction
from transactions.payees import services as payee_services
from transactions.payees.models import Payee
from transactions.safeguards import quota

pytestmark = pytest.mark.django_db
SAVED = "/api/v1/payees/saved/"


@pytest.fixture
def payer(mine: Account) -> dict[str, str]:
    return bearer(mine.user, "read", "pay")


def save(header: dict[str, str], account: Account, name: str = "Rent", **more: str) -> Any:
    return post(Client(), SAVED, {"number": account.number, "name": name, **more}, **header)


def put(header: dict[str, str], id: str, **body: Any) -> Any:
    return Client().put(f"{SAVED}{id}/", body, content_type="application/json", headers=header)


def test_a_recipient_is_saved_once_and_listed(
    mine: Account, theirs: Account, payer: dict[str, str]
) -> None:
    answers = [save(payer, theirs, note="Flat 3") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    data = answers[0].json()
    assert data == {
        "id": data["id"], "number": theirs.number, "name": "Rent", "note": "Flat 3",
        "name_check": "other", "holder": "M••• L•••", "is_masked": True, "currency": "USD",
        "can_pay": True, "last_payment": None,
    }  # fmt: skip
    assert answers[1].json() == data
    assert Client().get(SAVED, headers=payer).json()["results"] == [data]
    assert Client().get(answers[0].headers["Location"], headers=payer).json() == data
    assert Payee.objects.count() == 1


def test_whom_one_has_paid_is_named_with_the_newest_payment(
    mine: Account, theirs: Account, payer: dict[str, str]
) -> None:
    paid = services.transfer(from_account=mine, to_account=theirs, amount=Decimal(5))
    data = save(payer, theirs).json()
    assert (data["holder"], data["is_masked"]) == ("Mara Lindt", False)
    assert data["last_payment"] == str(paid.pk)


def test_a_name_of_the_holder_is_a_match_and_shows_it(
    theirs: Account, payer: dict[str, str]
) -> None:
    data = save(payer, theirs, "mara lindt").json()
    assert (data["name_check"], data["holder"], data["is_masked"]) == ("match", "Mara Lindt", False)


def test_another_name_replaces_the_first(theirs: Account, payer: dict[str, str]) -> None:
    id = save(payer, theirs, note="Flat 3").json()["id"]
    assert put(payer, id, name="Mara").json()["note"] == ""
    assert save(payer, theirs, "Landlady").json()["id"] == id
    (row,) = Client().get(f"{SAVED}?fields=id,name", headers=payer).json()["results"]
    assert row == {"id": id, "name": "Landlady"}


def test_who_is_forgotten_is_not_there_and_keeps_their_payments(
    mine: Account, theirs: Account, payer: dict[str, str]
) -> None:
    services.transfer(from_account=mine, to_account=theirs, amount=Decimal(5))
    address = f"{SAVED}{save(payer, theirs).json()['id']}/"
    statuses = [Client().delete(address, headers=payer).status_code for _ in range(2)]
    assert statuses == [204, 404]
    assert Client().get(SAVED, headers=payer).json() == {"results": []}
    assert Transaction.objects.filter(to_account=theirs).exists()


def test_a_number_that_cannot_be_paid_is_not_saved_and_counted(
    theirs: Account, payer: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota, "WRONG_NUMBERS_A_DAY", 2)
    close_account(account=theirs, changed_by=theirs.user)
    tried = [theirs.number, nobodys(1), AccountFactory().number]
    answers = [post(Client(), SAVED, {"number": number, "name": "X"}, **payer) for number in tried]
    assert [slug(answer) for answer in answers] == ["account-not-found"] * 2 + ["too-many-numbers"]
    assert {answer.json()["field"] for answer in answers} == {"number"}
    assert not Payee.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"number": "12"}, "number"),
        ({"number": 12}, "number"),
        ({"name": ""}, "name"),
        ({"name": "\u200b"}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"note": "x" * 201}, "note"),
        ({"name_check": "match"}, "name_check"),
    ],
)
def test_what_cannot_be_read_is_named(
    theirs: Account, payer: dict[str, str], changes: dict[str, Any], field: str
) -> None:
    answer = post(Client(), SAVED, {"number": theirs.number, "name": "X", **changes}, **payer)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)
    assert not Payee.objects.exists()


def test_the_rules_of_the_service_are_problems(
    mine: Account, theirs: Account, payer: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payee_services, "MAX_PAYEES", 1)
    assert slug(save(payer, mine)) == "invalid-details"
    assert save(payer, theirs).status_code == 201
    assert slug(save(payer, AccountFactory())) == "invalid-details"


def test_reading_needs_the_scope_read_and_writing_pay(
    mine: Account, theirs: Account, payer: dict[str, str]
) -> None:
    id = save(payer, theirs).json()["id"]
    reads, pays = bearer(mine.user, "read"), bearer(mine.user, "pay")
    assert Client().get(SAVED, headers=pays).status_code == 403
    assert save(reads, theirs, "Other").status_code == 403
    assert put(reads, id, name="Other").status_code == 403
    assert Client().delete(f"{SAVED}{id}/", headers=reads).status_code == 403
    assert Payee.objects.get().name == "Rent"


def test_a_payee_of_somebody_else_is_not_there(theirs: Account, payer: dict[str, str]) -> None:
    id = save(payer, theirs).json()["id"]
    eve = bearer(AccountFactory().user, "read", "pay")
    statuses = [
        Client().get(f"{SAVED}{id}/", headers=eve).status_code,
        put(eve, id, name="Mine now").status_code,
        Client().delete(f"{SAVED}{id}/", headers=eve).status_code,
    ]
    assert statuses == [404, 404, 404]
    assert Payee.objects.get().name == "Rent"
