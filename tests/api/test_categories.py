"""Categories that the caller gives by the API: to one transaction, to all of a search, and back."""

import threading
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from accounts.groups import OPERATIONS
from accounts.models import Account
from ledger.db.ids import uuid7
from tests.api.calls import TRANSACTIONS, bearer, post, slug
from tests.conftest import colleague
from tests.factories import AccountFactory
from transactions import services
from transactions.annotations.models import OwnCategory
from transactions.categories import services as categories
from transactions.categories.rules import apply_to_past, save_rule
from transactions.categories.services import give_category
from transactions.models import Transaction

pytestmark = pytest.mark.django_db
CATEGORIES, SEARCH = "/api/v1/categories/", "/api/v1/search/"
CHANGES = f"{CATEGORIES}changes/"


def pay(mine: Account, theirs: Account, category: str = "", text: str = "Hotel") -> Transaction:
    metadata = {"category": category} if category else {}
    return services.transfer(
        from_account=mine, to_account=theirs, amount=Decimal(1), description=text, metadata=metadata
    )


@pytest.fixture
def paid(mine: Account, theirs: Account) -> Transaction:
    return pay(mine, theirs, "savings")


def address_of(row: Transaction) -> str:
    return f"{TRANSACTIONS}{row.pk}/category/"


def put(client: Client, row: Transaction, category: Any, **headers: str) -> Any:
    sent = {"category": category}
    return client.put(address_of(row), sent, content_type="application/json", headers=headers)


def counts_of(client: Client) -> dict[str, tuple[int, int]]:
    results = client.get(CATEGORIES).json()["results"]
    return {each["category"]: (each["count"], each["given"]) for each in results}


def test_a_category_is_given_replaced_and_removed(ana: Client, paid: Transaction) -> None:
    assert ana.get(address_of(paid)).json() == {"category": "savings", "own": None}
    for typed, stored in ((" Holiday ", "holiday"), ("eating out", "eating out")):
        assert put(ana, paid, typed).json() == {"category": stored, "own": stored}
        assert ana.get(address_of(paid)).json() == {"category": stored, "own": stored}
        assert ana.get(f"{TRANSACTIONS}{paid.pk}/").json()["category"] == stored
    for _ in range(2):
        answer = ana.delete(address_of(paid))
        assert (answer.status_code, answer.content) == (204, b"")
        assert ana.get(address_of(paid)).json() == {"category": "savings", "own": None}
    paid.refresh_from_db()
    assert paid.metadata == {"category": "savings"}


def test_a_transaction_without_any_has_none(ana: Client, mine: Account, theirs: Account) -> None:
    assert ana.get(address_of(pay(mine, theirs))).json() == {"category": None, "own": None}


def test_sent_again_nothing_changes(ana: Client, paid: Transaction) -> None:
    for _ in range(2):
        assert put(ana, paid, "holiday").status_code == 200
    assert OwnCategory.objects.count() == 1


def test_the_other_side_neither_sees_nor_loses_it(
    ana: Client, theirs: Account, paid: Transaction
) -> None:
    put(ana, paid, "holiday")
    hers = Client()
    hers.force_login(theirs.user)
    assert hers.get(address_of(paid)).json() == {"category": "savings", "own": None}
    put(hers, paid, "income")
    assert hers.delete(address_of(paid)).status_code == 204
    assert ana.get(address_of(paid)).json()["own"] == "holiday"


def test_transactions_of_others_are_not_there_for_staff_either(ana: Client) -> None:
    row = AccountFactory(balance="5").received.get()
    clerk = Client(headers=bearer(colleague(OPERATIONS, "Clerk"), "read", "pay", "staff"))
    for client in (ana, clerk):
        for answer in (
            client.get(address_of(row)), put(client, row, "mine"), client.delete(address_of(row)),
        ):  # fmt: skip
            assert (answer.status_code, slug(answer)) == (404, "not-found")
    assert not OwnCategory.objects.exists()


@pytest.mark.parametrize(
    "typed", ["", " ", "none", "***", 'a"b', "x" * 61, "\u3164", "a\x00b", "\ud800", 5, None, []]
)
def test_what_can_be_no_category_is_refused_as_on_the_page(
    ana: Client, paid: Transaction, typed: Any
) -> None:
    answers = put(ana, paid, typed), post(ana, CHANGES, {"q": "hotel", "category": typed})
    for answer in answers:
        assert (answer.status_code, slug(answer)) == (400, "invalid-request")
        assert [error["field"] for error in answer.json()["errors"]] == ["category"]
    assert not OwnCategory.objects.exists()


def test_the_list_counts_as_the_facet_of_the_search(
    ana: Client, mine: Account, theirs: Account, paid: Transaction
) -> None:
    pay(mine, theirs, "Savings")
    stranger = AccountFactory(balance="9")
    pay(stranger, AccountFactory(), "secret")
    second, third = pay(mine, theirs, "rent"), pay(mine, theirs)
    for row in (paid, third):
        put(ana, row, "holiday")
    put(ana, second, "rent")
    hers = Client()
    hers.force_login(theirs.user)
    assert put(hers, paid, "holiday").status_code == 200  # counts for its owner only
    assert list(counts_of(ana).items()) == [
        ("holiday", (2, 2)), ("rent", (1, 1)), ("savings", (1, 0)),
    ]  # fmt: skip
    facet = ana.get(SEARCH).json()["facets"]["category"]
    assert {each["value"]: each["count"] for each in facet} == {
        name: count for name, (count, _given) in counts_of(ana).items()
    }
    picked = ana.get(f"{CATEGORIES}?fields=category").json()["results"]
    assert picked[0] == {"category": "holiday"}


def test_a_category_by_a_rule_is_given_too(ana: Client, mine: Account, paid: Transaction) -> None:
    apply_to_past(rule=save_rule(owner=mine.user, name="R", query="hotel", category="trips"))
    assert counts_of(ana) == {"trips": (1, 1)}
    assert ana.get(address_of(paid)).json()["own"] == "trips"


def test_a_category_is_renamed_and_the_change_undone(
    ana: Client, mine: Account, theirs: Account
) -> None:
    rows = [pay(mine, theirs, "savings") for _ in range(3)]
    change = {"q": "category:savings", "category": "holiday"}
    first = post(ana, CHANGES, change).json()
    assert (first["category"], first["count"]) == ("holiday", 3)
    assert post(ana, CHANGES, change).json() == {"id": None, "category": "holiday", "count": 0}
    assert counts_of(ana) == {"holiday": (3, 3)}
    (listed,) = ana.get(CHANGES).json()["results"]
    assert (listed["id"], listed["category"], listed["count"]) == (first["id"], "holiday", 3)
    assert ana.delete(f"{CHANGES}{first['id']}/").status_code == 204
    assert counts_of(ana) == {"savings": (len(rows), 0)}
    again = ana.delete(f"{CHANGES}{first['id']}/")
    assert (again.status_code, slug(again)) == (404, "not-found")


def test_nobody_changes_or_undoes_what_is_of_others(
    ana: Client, theirs: Account, paid: Transaction
) -> None:
    change = post(ana, CHANGES, {"q": "hotel", "category": "holiday"}).json()["id"]
    hers = Client()
    hers.force_login(theirs.user)
    assert hers.get(CHANGES).json() == {"results": []}
    assert hers.delete(f"{CHANGES}{change}/").status_code == 404
    stranger = Client()
    stranger.force_login(AccountFactory(balance="5").user)
    nothing = post(stranger, CHANGES, {"q": "hotel", "category": "mine"}).json()
    assert (nothing["id"], nothing["count"]) == (None, 0)
    assert ana.get(address_of(paid)).json()["own"] == "holiday"


@pytest.mark.parametrize("q", ["", " ", "amount:>", "rent amout:400", 5, None])
def test_a_search_for_everything_or_with_a_mistake_changes_nothing(
    ana: Client, paid: Transaction, q: Any
) -> None:
    answer = post(ana, CHANGES, {"q": q, "category": "holiday"})
    assert (answer.status_code, slug(answer)) == (400, "invalid-request")
    assert [error["field"] for error in answer.json()["errors"]] == ["q"]
    assert not OwnCategory.objects.exists()


def test_too_many_at_once_change_nothing(
    ana: Client, mine: Account, theirs: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(categories, "MAX_PER_CHANGE", 1)
    for _ in range(2):
        pay(mine, theirs)
    answer = post(ana, CHANGES, {"q": "hotel", "category": "holiday"})
    assert (answer.status_code, slug(answer)) == (422, "invalid-details")
    assert not OwnCategory.objects.exists()


def test_a_token_that_reads_gives_and_removes_none(
    client: Client, mine: Account, paid: Transaction
) -> None:
    header, rows = bearer(mine.user, "read"), Transaction.objects.filter(pk=paid.pk)
    change = uuid7()
    give_category(owner=mine.user, rows=rows, category="holiday", change=change)
    for url in (CATEGORIES, CHANGES, address_of(paid)):
        assert client.get(url, headers=header).status_code == 200
    sent = {"q": "hotel", "category": "food"}
    for answer in (
        put(client, paid, "food", **header), client.delete(address_of(paid), headers=header),
        post(client, CHANGES, sent, **header), client.delete(f"{CHANGES}{change}/", headers=header),
    ):  # fmt: skip
        assert (answer.status_code, slug(answer)) == (403, "not-allowed")
    assert OwnCategory.objects.get().category == "holiday"


def test_a_token_that_only_pays_learns_nothing_by_a_change(
    client: Client, mine: Account, paid: Transaction
) -> None:
    sent = {"q": "hotel", "category": "food"}
    refused = post(client, CHANGES, sent, **bearer(mine.user, "pay"))
    assert (refused.status_code, slug(refused)) == (403, "not-allowed")
    assert 'scope="read"' in refused.headers["WWW-Authenticate"]
    assert not OwnCategory.objects.exists()
    changed = post(client, CHANGES, sent, **bearer(mine.user, "read", "pay"))
    assert changed.json()["count"] == 1


def test_many_transactions_take_as_many_queries_as_few(
    ana: Client, mine: Account, theirs: Account, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        put(ana, pay(mine, theirs), f"category {number}")
    for url, most in ((CATEGORIES, 5), (CHANGES, 3)):
        with django_assert_max_num_queries(most):
            assert len(ana.get(url).json()["results"]) == 12


@pytest.mark.django_db(transaction=True)
def test_a_category_given_six_times_at_the_same_moment_is_stored_once(
    mine: Account, paid: Transaction
) -> None:
    header = bearer(mine.user, "read", "pay")
    answers: list[int] = []
    together = threading.Barrier(6)

    def send() -> None:
        together.wait()
        try:
            answers.append(put(Client(), paid, "holiday", **header).status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {200, 429}
    assert 200 in answers
    assert OwnCategory.objects.get().category == "holiday"


def test_a_category_is_not_added_by_itself_and_the_answer_says_how(ana: Client) -> None:
    answer = post(ana, CATEGORIES, {"category": "holiday"})
    assert (answer.status_code, slug(answer)) == (405, "method-not-allowed")
    assert "PUT /api/v1/transactions/<id>/category/" in answer.json()["detail"]
