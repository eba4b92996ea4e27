"""Payments by the API: once for each key, refused as problems, never for somebody else."""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.test import APIClient

from accounts.models import Account
from accounts.services import close_account, freeze_account
from api.transactions.views import TransactionList
from ledger.db.ids import uuid7
from tests.api.calls import (
    ACCOUNTS,
    ODD_AMOUNTS,
    TRANSACTIONS,
    balance_of,
    bearer,
    body,
    post,
    slug,
)
from tests.factories import AccountFactory, move_bank
from transactions import services
from transactions.models import Transaction
from transactions.safeguards.recipients import CANNOT_RECEIVE

pytestmark = pytest.mark.django_db


def test_a_payment_is_booked_and_read_again(ana: Client, mine: Account, theirs: Account) -> None:
    sent = body(mine, theirs, reference="R-1", metadata={"category": "food", "n": [1, 2.5]})
    answer = post(ana, TRANSACTIONS, sent)
    assert answer.status_code == 201
    data = answer.json()
    assert (data["amount"], data["currency"], data["status"]) == ("12.50", "USD", "completed")
    assert (data["from_account"], data["to_account"]) == (str(mine.pk), str(theirs.pk))
    assert (data["category"], data["metadata"]) == ("food", sent["metadata"])
    assert ana.get(answer.headers["Location"]).json() == data
    assert balance_of(mine) == Decimal("987.50")


def test_the_client_of_rest_framework_sends_json(mine: Account, theirs: Account) -> None:
    client = APIClient(headers=bearer(mine.user, "pay"))
    assert client.post(TRANSACTIONS, body(mine, theirs)).status_code == 201


def test_a_body_that_is_no_text_is_refused(ana: Client) -> None:
    answer = ana.post(TRANSACTIONS, b'{"amount": "\xff"}', content_type="application/json")
    assert answer.status_code == 400


def test_the_recipient_may_be_named_by_their_number(
    ana: Client, mine: Account, theirs: Account
) -> None:
    sent = body(mine, theirs, to_number=theirs.number)
    del sent["to_account"]
    assert post(ana, TRANSACTIONS, sent).json()["to_account"] == str(theirs.pk)


def test_why_an_own_account_receives_nothing_is_told_by_id_and_by_number(
    ana: Client, mine: Account
) -> None:
    euros = AccountFactory(user=mine.user, currency="EUR")
    by_id = body(mine, euros)
    by_number = body(mine, euros, to_number=euros.number)
    del by_number["to_account"]
    first, second = (post(ana, TRANSACTIONS, sent) for sent in (by_id, by_number))
    assert (slug(first), slug(second)) == ("currency-mismatch", "currency-mismatch")
    assert first.json()["detail"] == second.json()["detail"] != CANNOT_RECEIVE


def test_the_same_key_pays_once_and_answers_the_same(
    ana: Client, mine: Account, theirs: Account
) -> None:
    key = str(uuid4())
    first = post(ana, TRANSACTIONS, body(mine, theirs), Idempotency_Key=key)
    again = post(ana, TRANSACTIONS, body(mine, theirs), Idempotency_Key=key)
    assert first.json()["id"] != key
    assert (again.status_code, again.json()) == (201, first.json())
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert balance_of(mine) == Decimal("987.50")


def test_a_key_that_is_no_uuid_is_mapped_for_good(
    ana: Client, mine: Account, theirs: Account
) -> None:
    ids = {
        post(ana, TRANSACTIONS, body(mine, theirs), Idempotency_Key=key).json()["id"]
        for key in ("invoice 7", '"invoice 7"', "invoice 7")
    }
    assert len(ids) == 1
    assert balance_of(mine) == Decimal("987.50")


@pytest.mark.parametrize("key", ["invoice 7", str(uuid5(NAMESPACE_URL, "invoice 7"))])
def test_the_same_key_of_two_people_is_two_keys(
    ana: Client, mine: Account, theirs: Account, key: str
) -> None:
    post(ana, TRANSACTIONS, body(mine, theirs, amount="100"), Idempotency_Key=key)
    ana.force_login(theirs.user)
    answer = post(ana, TRANSACTIONS, body(theirs, mine, amount="1"), Idempotency_Key=key)
    assert answer.status_code == 201
    assert "Idempotency-Replayed" not in answer.headers


@pytest.mark.parametrize("key", ["rent january", "7a31f1fc-0f4e-4c6f-9a40-0d0f4ce4a1c2"])
def test_the_id_of_a_payment_is_a_new_key(
    ana: Client, mine: Account, theirs: Account, key: str
) -> None:
    """As for a program that takes the id of its last payment as the key of the next one."""
    for count in (1, 2, 3):
        answer = post(ana, TRANSACTIONS, body(mine, theirs), Idempotency_Key=key)
        assert answer.status_code == 201
        assert "Idempotency-Replayed" not in answer.headers
        assert balance_of(mine) == 1000 - count * Decimal("12.50")
        key = answer.json()["id"]


def test_another_body_with_the_same_key_is_a_conflict(
    ana: Client, mine: Account, theirs: Account
) -> None:
    key = str(uuid4())
    post(ana, TRANSACTIONS, body(mine, theirs), Idempotency_Key=key)
    answer = post(ana, TRANSACTIONS, body(mine, theirs, amount="13"), Idempotency_Key=key)
    assert (answer.status_code, slug(answer)) == (409, "idempotency-conflict")
    assert balance_of(mine) == Decimal("987.50")


def test_a_payment_is_answered_the_same_after_its_recipient_has_closed(
    ana: Client, mine: Account, theirs: Account
) -> None:
    key, sent = str(uuid4()), body(mine, theirs, to_number=theirs.number)
    del sent["to_account"]
    post(ana, TRANSACTIONS, sent, Idempotency_Key=key)
    ana.force_login(theirs.user)
    post(ana, TRANSACTIONS, body(theirs, mine))
    close_account(account=theirs, changed_by=theirs.user)
    ana.force_login(mine.user)
    again = post(ana, TRANSACTIONS, sent, Idempotency_Key=key)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")


@pytest.mark.parametrize(
    ("changes", "status", "kind", "field"),
    [
        ({"amount": "1000.01"}, 422, "insufficient-funds", "amount"),
        ({"amount": "0"}, 422, "invalid-amount", "amount"),
        ({"amount": "-1"}, 422, "invalid-amount", "amount"),
        ({"amount": "1.001"}, 422, "invalid-amount", "amount"),
        ({"amount": "1e2"}, 422, "invalid-amount", "amount"),
        ({"amount": "NaN"}, 422, "invalid-amount", "amount"),
        ({"amount": ""}, 400, "invalid-request", None),
        ({"amount": 10}, 400, "invalid-request", None),
        ({"amount": 10.5}, 400, "invalid-request", None),
        ({"amount": None}, 400, "invalid-request", None),
        ({"to_account": str(uuid4())}, 422, "account-not-found", "to_account"),
        ({"from_account": str(uuid4())}, 422, "account-not-found", "from_account"),
        ({"from_account": "mine"}, 400, "invalid-request", None),
        ({"from_account": None}, 422, "not-at-the-cash-desk", "from_account"),
        ({"to_account": None}, 422, "not-at-the-cash-desk", "to_account"),
        ({"to_number": "12"}, 400, "invalid-request", None),
        ({"description": "x" * 501}, 422, "invalid-details", None),
        ({"description": "a\x00b"}, 400, "invalid-request", None),
        ({"description": "\ud800"}, 400, "invalid-request", None),
        ({"description": 5}, 400, "invalid-request", None),
        ({"metadata": []}, 400, "invalid-request", None),
        ({"metadata": {"a": "x" * 20_000}}, 422, "invalid-details", None),
        ({"created_by": str(uuid4())}, 400, "invalid-request", None),
        ({"status": "completed"}, 400, "invalid-request", None),
        ({"value_date": "2020-01-01"}, 400, "invalid-request", None),
    ],
)
def test_what_the_bank_refuses_is_a_problem_and_moves_nothing(
    ana: Client, mine: Account, theirs: Account, changes: Any, status: int, kind: str, field: Any
) -> None:
    answer = post(ana, TRANSACTIONS, body(mine, theirs, **changes))
    assert (answer.status_code, slug(answer)) == (status, kind), answer.json()
    assert answer.json().get("field") == field
    assert balance_of(mine) == 1000


@pytest.mark.parametrize("amount", ODD_AMOUNTS)
@pytest.mark.parametrize("limits", [{}, {"per_payment": Decimal(5), "currency": "USD"}])
def test_an_odd_amount_is_refused_in_the_words_of_a_program(
    mine: Account, theirs: Account, amount: str, limits: dict[str, Any]
) -> None:
    header = bearer(mine.user, "pay", **limits)
    answer = post(Client(), TRANSACTIONS, body(mine, theirs, amount=amount), **header)
    assert (answer.status_code, slug(answer)) == (422, "invalid-amount")
    told = answer.json()
    assert told["field"] == "amount"
    assert "Decimal" not in told["detail"]
    assert balance_of(mine) == 1000


@pytest.mark.parametrize("amount", [1, 1.5, True, None, [], {}, "", "9" * 400])
def test_an_amount_that_is_no_short_text_cannot_be_read(
    ana: Client, mine: Account, theirs: Account, amount: Any
) -> None:
    answer = post(ana, TRANSACTIONS, body(mine, theirs, amount=amount))
    assert (answer.status_code, slug(answer)) == (400, "invalid-request")
    assert [error["field"] for error in answer.json()["errors"]] == ["amount"]


def test_nobody_pays_from_somebody_elses_account(
    ana: Client, mine: Account, theirs: Account
) -> None:
    rich = AccountFactory(balance="500")
    answer = post(ana, TRANSACTIONS, body(rich, mine))
    assert (answer.status_code, slug(answer)) == (422, "account-not-found")
    assert balance_of(rich) == 500


def test_what_is_wrong_with_a_strangers_account_is_not_told(
    ana: Client, mine: Account, theirs: Account
) -> None:
    euros = AccountFactory(currency="EUR")
    close_account(account=theirs, changed_by=theirs.user)
    details = [
        post(ana, TRANSACTIONS, body(mine, other)).json()["detail"] for other in (euros, theirs)
    ]
    assert len(set(details)) == 1


def test_a_frozen_account_pays_nothing(ana: Client, mine: Account, theirs: Account) -> None:
    freeze_account(account=mine, reason="Asked to", changed_by=None)
    answer = post(ana, TRANSACTIONS, body(mine, theirs))
    assert (answer.status_code, slug(answer)) == (422, "account-not-active")


def test_a_body_that_is_no_json_is_refused(ana: Client, mine: Account, theirs: Account) -> None:
    for text in (
        "", "{", "null", "[]", '{"amount": NaN}', "[" * 100_000, '{"a": 1, "a": 2}', '"x"',
        '{"amount": ' + "9" * 5000 + "}",
    ):  # fmt: skip
        answer = ana.post(TRANSACTIONS, text, content_type="application/json")
        assert (answer.status_code, slug(answer)) == (400, "invalid-request"), text[:20]
    answer = ana.post(TRANSACTIONS, body(mine, theirs))  # multipart
    assert (answer.status_code, slug(answer)) == (415, "unsupported-media-type")
    assert "application/json" in answer.json()["detail"]
    assert Transaction.objects.filter(from_account=mine).count() == 0


def test_a_transaction_of_others_is_not_there(ana: Client, theirs: Account) -> None:
    other = AccountFactory(balance="5")
    row = Transaction.objects.get(to_account=other)
    assert ana.get(f"{TRANSACTIONS}{row.pk}/").status_code == 404


def test_the_list_is_newest_first_and_of_the_caller(
    ana: Client, mine: Account, theirs: Account
) -> None:
    AccountFactory(balance="5")
    row = post(ana, TRANSACTIONS, body(mine, theirs)).json()
    results = ana.get(TRANSACTIONS).json()["results"]
    assert results[0]["id"] == row["id"]
    assert len(results) == 2


def test_the_list_is_of_the_days_asked_for(mine: Account) -> None:
    def found(**asked: str) -> list[dict[str, Any]]:
        request: Any = Request(RequestFactory().get("/", asked))
        request.user, request._request.session = mine.user, SimpleNamespace(session_key=None)
        view = TransactionList()
        view.request = request
        rows: list[dict[str, Any]] = view.get(request).data["results"]
        return rows

    booked_on = timezone.localdate(Transaction.objects.get().created_at)
    before, day, after = (f"{booked_on + timedelta(days=days)}" for days in (-1, 0, 1))
    (row,) = found()
    for asked in ({"start": day}, {"end": day}, {"start": before, "end": after}):
        assert found(**asked) == [row]
    for asked in ({"start": after}, {"end": before}):
        assert found(**asked) == []
    assert found(fields="id") == [{"id": row["id"]}]
    for wrong in ({"start": "yesterday"}, {"end": "2026-02-30"}, {"other": "1"}):
        with pytest.raises(ValidationError) as refused:
            found(**wrong)
        assert refused.value.detail.keys() == wrong.keys()  # type: ignore[union-attr]


def test_the_list_is_of_one_account_of_the_caller(
    ana: Client, mine: Account, theirs: Account
) -> None:
    other = AccountFactory(user=mine.user)
    out = services.transfer(from_account=mine, to_account=theirs, amount=Decimal(1))
    across = services.transfer(from_account=mine, to_account=other, amount=Decimal(2))
    held = services.hold(from_account=other, to_account=theirs, amount=Decimal(1))

    def page(account: Any, **more: str) -> Any:
        return ana.get(TRANSACTIONS, {"account": str(account), "fields": "id", **more}).json()

    first = page(mine.pk, limit="2")
    rest = ana.get(first["next"]).json()
    (opening,) = mine.received.all()
    assert [row["id"] for row in first["results"]] == [str(across.pk), str(out.pk)]
    assert rest == {"results": [{"id": str(opening.pk)}], "next": None}
    assert [row["id"] for row in page(other.pk)["results"]] == [str(held.pk), str(across.pk)]


def test_an_account_of_others_or_no_account_lists_nothing(ana: Client, theirs: Account) -> None:
    for account, status, kind in (
        (theirs.pk, 404, "not-found"), (uuid4(), 404, "not-found"),
        ("1", 400, "invalid-request"), ("", 400, "invalid-request"),
    ):  # fmt: skip
        answer = ana.get(TRANSACTIONS, {"account": str(account)})
        assert (answer.status_code, slug(answer)) == (status, kind)


def test_whoever_has_the_transaction_is_answered_304(
    ana: Client, mine: Account, theirs: Account
) -> None:
    address = post(ana, TRANSACTIONS, body(mine, theirs)).headers["Location"]
    first = ana.get(address)
    again = ana.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = ana.get(address, headers={"If-None-Match": '"other"'})
    assert other.json() == first.json()


def test_a_forged_request_of_another_site_is_refused(mine: Account, theirs: Account) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(mine.user)
    answer = post(browser, TRANSACTIONS, body(mine, theirs))
    assert (answer.status_code, slug(answer)) == (403, "not-allowed")
    assert balance_of(mine) == 1000


def test_addresses_that_do_not_exist_answer_by_a_problem(ana: Client) -> None:
    for address in ("/api/v2/", "/api/v1/nothing/", f"{TRANSACTIONS}5/"):
        answer = ana.get(address)
        assert (answer.status_code, slug(answer)) == (404, "not-found")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_who_would_change_posted_rows_is_told_what_to_do_instead(
    client: Client, mine: Account, theirs: Account, method: str
) -> None:
    """A token that only reads is told the same: another one could do no more."""
    row = services.transfer(from_account=mine, to_account=theirs, amount=Decimal(1))
    before = list(Transaction.objects.order_by("pk").values())
    for scopes in (("read",), ("read", "pay")):
        header = bearer(mine.user, *scopes)
        for url in (
            TRANSACTIONS, f"{TRANSACTIONS}{row.pk}/", f"{TRANSACTIONS}batch/",
            f"{TRANSACTIONS}{row.pk}/refund/", f"{TRANSACTIONS}{row.pk}/void/",
            f"{TRANSACTIONS}holds/", f"{ACCOUNTS}{mine.pk}/entries/",
        ):  # fmt: skip
            answer = client.generic(method, url, b"{}", "application/json", headers=header)
            assert (answer.status_code, slug(answer)) == (405, "method-not-allowed"), url
            told = answer.json()["detail"]
            assert [verb for verb in ("/refund/", "/void/", "/note/") if verb not in told] == []
    assert list(Transaction.objects.order_by("pk").values()) == before


def test_a_method_that_is_not_there_is_answered_with_those_that_are(
    ana: Client, mine: Account, theirs: Account
) -> None:
    row = services.transfer(from_account=mine, to_account=theirs, amount=Decimal(1))
    for method, url, there in (
        ("PATCH", f"{TRANSACTIONS}{row.pk}/note/", {"GET", "HEAD", "PUT"}),
        ("POST", ACCOUNTS + f"{mine.pk}/", {"GET", "HEAD"}),
        ("DELETE", "/api/v1/search/", {"GET", "HEAD"}),
        ("OPTIONS", TRANSACTIONS, {"GET", "HEAD", "POST"}),
        ("GET", f"{TRANSACTIONS}{row.pk}/refund/", {"POST"}),
    ):
        answer = ana.generic(method, url, b"{}", "application/json")
        assert (answer.status_code, slug(answer)) == (405, "method-not-allowed")
        named = set(re.findall(r"\b[A-Z]{3,}\b", answer.json()["detail"])) - {method}
        assert named == there == set(answer.headers["Allow"].split(", ")), url


@pytest.mark.parametrize("new_id", [uuid7, uuid4])
def test_a_key_that_was_the_id_before_the_move_pays_once(
    ana: Client, mine: Account, theirs: Account, new_id: Callable[[], UUID]
) -> None:
    before = services.transfer(
        from_account=mine, to_account=theirs, amount=Decimal("12.50"), description="Lunch",
        created_by=mine.user, id=new_id(),
    )  # fmt: skip
    move_bank()
    again = post(ana, TRANSACTIONS, body(mine, theirs), Idempotency_Key=str(before.pk))
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert again.json()["id"] == str(before.pk)
    other = post(ana, TRANSACTIONS, body(mine, theirs, amount="2"), Idempotency_Key=str(before.pk))
    assert other.status_code == 409
    assert balance_of(mine) == Decimal("987.50")


def test_the_id_of_somebody_elses_row_from_before_the_move_is_a_key_like_any_other(
    ana: Client, mine: Account, theirs: Account
) -> None:
    other = services.transfer(
        from_account=mine, to_account=theirs, amount=Decimal(1), created_by=theirs.user, id=uuid4()
    )
    move_bank()
    paid = post(ana, TRANSACTIONS, body(mine, theirs), Idempotency_Key=str(other.pk))
    assert (paid.status_code, "Idempotency-Replayed" in paid.headers) == (201, False)
