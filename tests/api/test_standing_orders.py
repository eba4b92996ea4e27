"""Standing orders by the API, with the rules of the page."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Account
from accounts.services import close_account
from banking.standing_orders import services
from banking.standing_orders.models import StandingOrder
from ledger.db.retry import OutcomeUnknown
from tests.api.calls import ODD_AMOUNTS, bearer, post, slug
from tests.banking.standing_orders.orders import order_of
from tests.factories import AccountFactory, nobodys
from tests.sign_in import let_pass
from transactions import services as money
from transactions.safeguards import quota
from transactions.safeguards.recipients import CANNOT_RECEIVE

pytestmark = pytest.mark.django_db
ORDERS = "/api/v1/standing-orders/"


@pytest.fixture
def payer(mine: Account) -> dict[str, str]:
    return bearer(mine.user, "read", "pay")


def refuse() -> None:
    raise OutcomeUnknown("The standby did not confirm.")


def soon(days: int = 10) -> str:
    return str(timezone.localdate() + timedelta(days=days))


def wanted(mine: Account, theirs: Account, **changes: Any) -> dict[str, Any]:
    return {
        "from_account": str(mine.pk), "to_number": theirs.number, "amount": "25.00",
        "every": "month", "first_on": soon(), "description": "Rent", **changes,
    }  # fmt: skip


def verb(header: dict[str, str], order: StandingOrder, name: str, **body: Any) -> Any:
    return post(Client(), f"{ORDERS}{order.pk}/{name}/", body, **header)


def test_an_order_is_set_up_once_for_each_key_and_read_again(
    mine: Account, theirs: Account, payer: dict[str, str]
) -> None:
    sent, key = wanted(mine, theirs), {"Idempotency_Key": "rent", **payer}
    first, again = (post(Client(), ORDERS, sent, **key) for _ in range(2))
    assert [answer.status_code for answer in (first, again)] == [201, 201]
    data = first.json()
    assert again.json() == data
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (data["status"], data["amount"], data["currency"]) == ("active", "25.00", "USD")
    assert (data["recipient"], data["to_number"]) == ("M••• L•••", theirs.number)
    assert (data["next_on"], data["next_days"][0], data["days"]) == (soon(), soon(), [])
    assert Client().get(first.headers["Location"], headers=payer).json() == data
    (row,) = Client().get(ORDERS, headers=payer).json()["results"]
    assert row == {name: data[name] for name in row}
    assert StandingOrder.objects.count() == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": "26.00"}, {"every": "week"}, {"times": 3}, {"last_on": "2030-01-01"},
        {"description": "Other"}, {"first_on": soon(11)}, {"reference": "R-1"},
    ],
    ids=lambda each: next(iter(each)),
)  # fmt: skip
def test_the_same_key_with_another_body_is_a_conflict(
    mine: Account, theirs: Account, payer: dict[str, str], changes: dict[str, Any]
) -> None:
    key = {"Idempotency_Key": "rent", **payer}
    post(Client(), ORDERS, wanted(mine, theirs), **key)
    answer = post(Client(), ORDERS, wanted(mine, theirs, **changes), **key)
    assert (answer.status_code, slug(answer)) == (409, "idempotency-conflict")
    assert StandingOrder.objects.count() == 1


def test_a_repeat_is_answered_after_the_first_day_is_past(
    mine: Account, theirs: Account, payer: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, key = wanted(mine, theirs, every="once"), {"Idempotency_Key": "once", **payer}
    assert post(Client(), ORDERS, sent, **key).status_code == 201
    later = timezone.localdate() + timedelta(days=40)
    monkeypatch.setattr("banking.standing_orders.forms.timezone.localdate", lambda: later)
    assert post(Client(), ORDERS, sent, **key).headers["Idempotency-Replayed"] == "true"
    assert post(Client(), ORDERS, sent, **payer).status_code == 400


@pytest.mark.parametrize("changes", [{"times": 5}, {"last_on": "2099-01-01"}])
def test_what_is_paid_once_has_no_end_the_first_time_and_again(
    mine: Account, theirs: Account, payer: dict[str, str], changes: dict[str, Any]
) -> None:
    key = {"Idempotency_Key": "once", **payer}
    answer = post(Client(), ORDERS, wanted(mine, theirs, every="once", **changes), **key)
    assert (answer.status_code, slug(answer)) == (400, "invalid-request")
    assert [error["field"] for error in answer.json()["errors"]] == list(changes)
    for times in ({}, {"times": 1}, {"times": None}):
        again = post(Client(), ORDERS, wanted(mine, theirs, every="once", **times), **key)
        assert (again.status_code, again.json()["times"]) == (201, 1)
    answer = post(Client(), ORDERS, wanted(mine, theirs, every="once", **changes), **key)
    assert (answer.status_code, slug(answer)) == (409, "idempotency-conflict")
    assert StandingOrder.objects.count() == 1


def test_a_repeat_waits_for_the_standby(
    mine: Account, theirs: Account, payer: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, key = wanted(mine, theirs), {"Idempotency_Key": "rent", **payer}
    id = post(Client(), ORDERS, sent, **key).json()["id"]
    monkeypatch.setattr("api.standing_orders.wait_until_confirmed", refuse)
    answer = post(Client(), ORDERS, sent, **key)
    assert (answer.status_code, slug(answer), answer.json()["id"]) == (503, "outcome-unknown", id)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"first_on": "2020-01-01"}, "first_on"),
        ({"first_on": "soon"}, "first_on"),
        ({"every": "day"}, "every"),
        ({"times": 0}, "times"),
        ({"times": 2, "last_on": "2030-01-01"}, "times"),
        ({"last_on": "2020-01-01"}, "last_on"),
        ({"amount": 5}, "amount"),
        ({"to_number": "12"}, "to_number"),
        ({"description": "x" * 501}, "description"),
        ({"status": "paused"}, "status"),
    ],
)
def test_what_cannot_be_read_is_named(
    mine: Account, theirs: Account, payer: dict[str, str], changes: dict[str, Any], field: str
) -> None:
    answer = post(Client(), ORDERS, wanted(mine, theirs, **changes), **payer)
    assert (answer.status_code, slug(answer)) == (400, "invalid-request"), answer.json()
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not StandingOrder.objects.exists()


@pytest.mark.parametrize("amount", ODD_AMOUNTS)
def test_an_odd_amount_is_the_same_problem_as_of_a_payment(
    mine: Account, theirs: Account, payer: dict[str, str], amount: str
) -> None:
    order = order_of(mine, theirs)
    for answer in (
        post(Client(), ORDERS, wanted(mine, theirs, amount=amount), **payer),
        verb(payer, order, "amount", amount=amount),
    ):
        assert (answer.status_code, slug(answer)) == (422, "invalid-amount")
        assert answer.json()["field"] == "amount"
    assert StandingOrder.objects.get().amount == 10


def test_nobody_pays_from_somebody_elses_account(
    mine: Account, theirs: Account, payer: dict[str, str]
) -> None:
    answer = post(Client(), ORDERS, wanted(AccountFactory(), theirs), **payer)
    assert (answer.status_code, slug(answer)) == (422, "account-not-found")
    assert answer.json()["field"] == "from_account"


def test_numbers_that_cannot_be_paid_are_counted(
    mine: Account, theirs: Account, payer: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota, "WRONG_NUMBERS_A_DAY", 2)
    close_account(account=theirs, changed_by=theirs.user)
    tried = [theirs.number, nobodys(1), AccountFactory().number]
    answers = [
        post(Client(), ORDERS, {**wanted(mine, theirs), "to_number": number}, **payer)
        for number in tried
    ]
    assert [slug(answer) for answer in answers] == ["account-not-found"] * 2 + ["too-many-numbers"]
    assert not StandingOrder.objects.exists()


def test_a_session_proves_who_it_is_before_it_orders_payments_to_others(
    ana: Client, mine: Account, theirs: Account
) -> None:
    savings, order = AccountFactory(user=mine.user), order_of(mine, theirs)
    let_pass(ana, minutes=30)
    answers = [
        post(ana, ORDERS, wanted(mine, theirs)),
        post(ana, f"{ORDERS}{order.pk}/amount/", {"amount": "11.00"}),
    ]
    assert [slug(answer) for answer in answers] == ["confirmation-needed"] * 2
    assert post(ana, ORDERS, wanted(mine, savings)).status_code == 201
    assert StandingOrder.objects.get(to_account=theirs).amount == 10


@pytest.mark.parametrize(
    ("limits", "refused"),
    [
        ({"per_payment": Decimal(20), "currency": "USD"}, True),
        ({"per_payment": Decimal(25), "currency": "USD"}, False),
        ({"currency": "EUR"}, True),
        ({"per_day": Decimal(900), "currency": "USD"}, True),
    ],
)
def test_the_limits_of_a_token_hold_for_what_it_orders(
    mine: Account, theirs: Account, limits: dict[str, Any], refused: bool
) -> None:
    header, order = bearer(mine.user, "read", "pay", **limits), order_of(mine, theirs)
    answers = [
        post(Client(), ORDERS, wanted(mine, theirs), **header),
        verb(header, order, "amount", amount="25.00"),
    ]
    if refused:
        assert [slug(answer) for answer in answers] == ["limit-exceeded"] * 2
        assert StandingOrder.objects.get().amount == 10
    else:
        assert [answer.status_code for answer in answers] == [201, 200]


@pytest.mark.parametrize(
    ("limits", "status"),
    [
        ({"per_payment": Decimal("9.99"), "currency": "USD"}, "paused"),
        ({"per_payment": Decimal(10), "currency": "USD"}, "active"),
        ({"currency": "EUR"}, "paused"),
        ({"per_day": Decimal(900), "currency": "USD"}, "paused"),
    ],
)
def test_a_token_resumes_an_order_within_its_limits(
    mine: Account, theirs: Account, limits: dict[str, Any], status: str
) -> None:
    header, order = bearer(mine.user, "read", "pay", **limits), order_of(mine, theirs)
    assert verb(header, order, "pause").status_code == 200
    answer = verb(header, order, "resume")
    if status == "paused":
        assert slug(answer) == "limit-exceeded"
    assert StandingOrder.objects.get().status == status


def test_a_limit_of_a_day_leaves_ones_own_accounts_alone(mine: Account) -> None:
    header = bearer(mine.user, "read", "pay", per_day=Decimal(5), currency="USD")
    savings = AccountFactory(user=mine.user)
    assert post(Client(), ORDERS, wanted(mine, savings), **header).status_code == 201


def test_an_order_is_changed_paused_resumed_and_ended(
    mine: Account, theirs: Account, payer: dict[str, str]
) -> None:
    order = order_of(mine, theirs)
    assert verb(payer, order, "amount", amount="12.50").json()["amount"] == "12.50"
    for name, status in (("pause", "paused"), ("resume", "active"), ("end", "ended")):
        answers = [verb(payer, order, name) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert {answer.json()["status"] for answer in answers} == {status}
    ended = answers[0].json()
    assert (ended["next_on"], ended["next_days"]) == (None, [])
    late = verb(payer, order, "pause")
    assert (late.status_code, slug(late)) == (409, "order-changed")
    assert [row["status"] for row in Client().get(ORDERS, headers=payer).json()["results"]] == [
        "ended"
    ]


def test_a_day_is_skipped_once(mine: Account, theirs: Account, payer: dict[str, str]) -> None:
    order = order_of(mine, theirs)
    answers = [verb(payer, order, "skip", day="2027-01-31") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    data = answers[1].json()
    assert (data["next_on"], data["settled"]) == ("2027-02-28", 1)
    assert data["days"] == [
        {"due_on": "2027-01-31", "outcome": "skipped", "transaction": None, "reason": ""}
    ]
    other = verb(payer, order, "skip", day=str(date(2027, 3, 31)))
    assert (other.status_code, slug(other)) == (409, "order-changed")
    assert verb(payer, order, "skip", day="soon").status_code == 400


def test_a_day_that_was_skipped_before_is_told_after_the_standby_has_it(
    mine: Account, theirs: Account, payer: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    order = order_of(mine, theirs)
    assert verb(payer, order, "skip", day="2027-01-31").status_code == 200
    monkeypatch.setattr("api.standing_orders.wait_until_confirmed", refuse)
    answer = verb(payer, order, "skip", day="2027-01-31")
    assert (answer.status_code, slug(answer)) == (503, "outcome-unknown")


@pytest.mark.parametrize("name", ["pause", "resume", "end"])
def test_a_verb_without_fields_reads_an_empty_object(
    mine: Account, theirs: Account, payer: dict[str, str], name: str
) -> None:
    address = f"{ORDERS}{order_of(mine, theirs).pk}/{name}/"
    for body in ("", "[]", '{"a": 1}'):
        answer = Client().post(address, body, content_type="application/json", headers=payer)
        assert (answer.status_code, slug(answer)) == (400, "invalid-request")
    assert StandingOrder.objects.get().status == "active"


def test_what_is_wrong_with_a_strangers_account_is_not_told(
    mine: Account, theirs: Account, payer: dict[str, str]
) -> None:
    """Whom one has paid one knows, so their number is told even where it cannot be paid."""
    money.transfer(from_account=mine, to_account=theirs, amount=Decimal(5))
    euros = AccountFactory(user=mine.user, currency="EUR")
    money.transfer(from_account=theirs, to_account=mine, amount=Decimal(5))
    close_account(account=theirs, changed_by=theirs.user)
    closed = post(Client(), ORDERS, wanted(mine, theirs), **payer)
    other = post(Client(), ORDERS, wanted(mine, euros), **payer)
    assert closed.json()["detail"] == CANNOT_RECEIVE
    assert (closed.status_code, slug(other)) == (422, "currency-mismatch")
    assert other.json()["detail"] != CANNOT_RECEIVE


@pytest.mark.parametrize("name", ["amount", "skip", "pause", "resume", "end"])
def test_a_change_of_unknown_outcome_is_told_as_such(
    mine: Account,
    theirs: Account,
    payer: dict[str, str],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(**_: Any) -> None:
        raise OutcomeUnknown("gone")

    order = order_of(mine, theirs)
    monkeypatch.setattr(services, "change_amount" if name == "amount" else name, fail)
    bodies = {"amount": {"amount": "5.00"}, "skip": {"day": "2027-01-31"}}
    answer = verb(payer, order, name, **bodies.get(name, {}))
    assert (answer.status_code, slug(answer)) == (503, "outcome-unknown")
    assert answer.json()["id"] == str(order.pk)


def test_the_list_is_paged_in_as_many_queries_for_fifty_orders_as_for_one(
    mine: Account, theirs: Account, payer: dict[str, str], django_assert_num_queries: Any
) -> None:
    order_of(mine, theirs)
    Client().get(ORDERS, headers=payer)
    for more in (0, 49):
        for _ in range(more):
            order_of(mine, AccountFactory())
        with django_assert_num_queries(6):
            page = Client().get(f"{ORDERS}?limit=40", headers=payer).json()
    assert len(page["results"]) == 40
    rest = Client().get(page["next"].partition("testserver")[2], headers=payer).json()
    assert (len(rest["results"]), rest["next"]) == (10, None)
    assert not {row["id"] for row in rest["results"]} & {row["id"] for row in page["results"]}


@pytest.mark.parametrize("name", ["", "amount/", "skip/", "pause/", "resume/", "end/"])
def test_an_order_needs_its_owner_and_the_scope(mine: Account, theirs: Account, name: str) -> None:
    order = order_of(mine, theirs)
    address = f"{ORDERS}{order.pk}/{name}"
    bodies = {"amount/": {"amount": "5.00"}, "skip/": {"day": "2027-01-31"}}

    def status(header: dict[str, str]) -> int:
        if not name:
            return int(Client().get(address, headers=header).status_code)
        return int(post(Client(), address, bodies.get(name, {}), **header).status_code)

    stranger = bearer(AccountFactory().user, "read", "pay")
    assert status(stranger) == 404
    if name:  # the same before the body is read
        assert post(Client(), address, {"odd": 1}, **stranger).status_code == 404
    assert status(bearer(mine.user, "pay" if not name else "read")) == 403
    order.refresh_from_db()
    assert (order.status, order.amount, order.position) == ("active", 10, 0)


def test_setting_up_needs_the_scope_pay(mine: Account, theirs: Account) -> None:
    answer = post(Client(), ORDERS, wanted(mine, theirs), **bearer(mine.user, "read"))
    assert answer.status_code == 403
    assert not StandingOrder.objects.exists()
