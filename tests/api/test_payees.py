"""Payees by the API: whom the caller knows, and what they may learn of a stranger's number."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account
from accounts.services import close_account
from tests.api.calls import slug
from tests.factories import AccountFactory
from transactions import services
from transactions.safeguards import quota

pytestmark = pytest.mark.django_db
PAYEES = "/api/v1/payees/"


def asked(client: Client, number: str, **more: str) -> Any:
    return client.get(PAYEES, {"number": number, **more})


def test_known_recipients_are_own_accounts_and_those_paid(
    ana: Client, mine: Account, theirs: Account
) -> None:
    AccountFactory(user=mine.user, name="Savings", currency="EUR")
    services.transfer(from_account=mine, to_account=theirs, amount=Decimal(1))
    results = ana.get(PAYEES).json()["results"]
    assert [(row["name"], row["is_own"]) for row in results] == [
        ("Everyday", True), ("Savings", True), ("Mara Lindt", False),
    ]  # fmt: skip
    answer = ana.get(PAYEES, {"from_account": str(mine.pk), "fields": "number"})
    assert answer.json()["results"] == [{"number": theirs.number}]


def test_a_strangers_name_is_masked(ana: Client, theirs: Account) -> None:
    data = asked(ana, theirs.number).json()
    assert data["results"] == [
        {
            "number": theirs.number, "name": "M••• L•••", "is_masked": True, "is_own": False,
            "currency": "USD", "name_check": "none",
        }
    ]  # fmt: skip
    assert "Mara" not in asked(ana, theirs.number).content.decode()


@pytest.mark.parametrize(
    ("typed", "check", "name"),
    [
        ("mara LINDT", "match", "Mara Lindt"),
        ("M Lindt", "close", "M••• L•••"),
        ("Ben Kovac", "other", "M••• L•••"),
    ],
)
def test_a_given_name_is_compared(
    ana: Client, theirs: Account, typed: str, check: str, name: str
) -> None:
    (row,) = asked(ana, theirs.number, name=typed).json()["results"]
    assert (row["name_check"], row["name"], row["is_masked"]) == (check, name, check != "match")


def test_what_cannot_be_paid_is_one_sentence_whatever_it_is(ana: Client, theirs: Account) -> None:
    other = AccountFactory(currency="EUR")
    close_account(account=theirs, changed_by=theirs.user)
    answers = [
        asked(ana, number).json() for number in (other.number, theirs.number, "100000000008")
    ]
    told = {answer["detail"] for answer in answers if "results" in answer}
    assert len(told) == 1
    assert all(not answer.get("results") for answer in answers)


def test_wrong_numbers_are_limited_for_a_day(
    ana: Client, theirs: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota, "WRONG_NUMBERS_A_DAY", 2)
    euros = AccountFactory(currency="EUR")
    for _ in range(2):
        assert asked(ana, euros.number).status_code == 200
    answer = asked(ana, theirs.number)
    assert (answer.status_code, slug(answer)) == (422, "too-many-numbers")
    assert answer.json()["field"] == "number"


def test_wrong_names_are_limited_for_a_day(
    ana: Client, theirs: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota, "WRONG_NAMES_A_DAY", 1)
    asked(ana, theirs.number, name="Ben Kovac")
    (row,) = asked(ana, theirs.number, name="Mara Lindt").json()["results"]
    assert (row["name_check"], row["name"]) == ("none", "M••• L•••")


@pytest.mark.parametrize(
    ("query", "status", "kind"),
    [
        ({"number": "12"}, 422, "invalid-number"),
        ({"number": "1" * 41}, 400, "invalid-request"),
        ({"number": "1\x002"}, 400, "invalid-request"),
        ({"name": "Mara"}, 400, "invalid-request"),
        ({"from_account": "mine"}, 400, "invalid-request"),
        ({"nunber": "12"}, 400, "invalid-request"),
    ],
)
def test_a_wrong_question_is_a_problem(
    ana: Client, query: dict[str, str], status: int, kind: str
) -> None:
    answer = ana.get(PAYEES, query)
    assert (answer.status_code, slug(answer)) == (status, kind)


def test_nobody_asks_for_somebody_elses_account(ana: Client, theirs: Account) -> None:
    answer = ana.get(PAYEES, {"from_account": str(theirs.pk)})
    assert (answer.status_code, slug(answer)) == (422, "account-not-found")


def test_the_number_of_queries_does_not_grow(
    ana: Client, mine: Account, django_assert_num_queries: Any
) -> None:
    for _ in range(4):
        services.transfer(from_account=mine, to_account=AccountFactory(), amount=Decimal(1))
    ana.get(PAYEES)
    with django_assert_num_queries(7):
        ana.get(PAYEES)
