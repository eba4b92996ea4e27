"""Refunds, holds, captures and releases by staff, with the rules of the desk."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from accounts.groups import ANALYSTS, OPERATIONS
from accounts.models import Account, Read
from api.transactions import verbs
from tests.accounts.tokens import issue
from tests.api.calls import ODD_AMOUNTS, TRANSACTIONS, balance_of, body, post, slug
from tests.conftest import colleague
from tests.factories import AccountFactory
from transactions import services
from transactions.models import StaffReason, Transaction
from transactions.staff.desk.steps import booked_before

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk_header() -> dict[str, str]:
    clerk = colleague(OPERATIONS, "Clerk")
    return {"Authorization": f"Bearer {issue(clerk, 'read', 'pay', 'staff').text}"}


@pytest.fixture
def paid(ana: Client, mine: Account, theirs: Account) -> Transaction:
    id = post(ana, TRANSACTIONS, body(mine, theirs, amount="100.00")).json()["id"]
    row: Transaction = Transaction.objects.get(pk=id)
    return row


def test_a_refund_in_part_keeps_its_reason_and_is_made_once(
    paid: Transaction, mine: Account, clerk_header: dict[str, str]
) -> None:
    address, sent = f"{TRANSACTIONS}{paid.pk}/refund/", {"amount": "30.00", "reason": "Complaint"}
    answers = [
        post(Client(), address, sent, Idempotency_Key="refund 1", **clerk_header) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    assert answers[0].json()["reverses"] == str(paid.pk)
    assert StaffReason.objects.get(transaction=answers[0].json()["id"]).reason == "Complaint"
    assert balance_of(mine) == 930


def test_without_an_amount_all_that_is_left_is_refunded(
    paid: Transaction, mine: Account, clerk_header: dict[str, str]
) -> None:
    address = f"{TRANSACTIONS}{paid.pk}/refund/"
    post(Client(), address, {"amount": "30.00", "reason": "A"}, **clerk_header)
    whole = [
        post(Client(), address, {"reason": "B"}, Idempotency_Key="whole", **clerk_header)
        for _ in range(2)
    ]
    assert [answer.json()["amount"] for answer in whole] == ["70.00", "70.00"]
    third = post(Client(), address, {"reason": "C"}, **clerk_header)
    assert (third.status_code, slug(third)) == (422, "not-possible")
    assert balance_of(mine) == 1000


def held(mine: Account, header: dict[str, str], **changes: Any) -> Any:
    sent = {
        "from_number": mine.number, "amount": "40.00", "description": "Hotel",
        "until": "2999-01-01", "reason": "Asked to", **changes,
    }  # fmt: skip
    return post(Client(), f"{TRANSACTIONS}holds/", sent, **header)


def soon() -> str:
    return str(timezone.localdate())


def test_a_hold_is_placed_and_captured_in_part(mine: Account, clerk_header: dict[str, str]) -> None:
    hold = held(mine, clerk_header, until=soon()).json()
    assert hold["status"] == "pending"
    address = f"{TRANSACTIONS}{hold['id']}/capture/"
    captured = post(Client(), address, {"amount": "25.00", "reason": "Stayed"}, **clerk_header)
    assert captured.json()["captures"] == hold["id"]
    assert balance_of(mine) == 975
    again = post(Client(), address, {"reason": "Stayed"}, **clerk_header)
    assert (again.status_code, slug(again)) == (422, "not-possible")


def test_a_hold_is_released_once(mine: Account, clerk_header: dict[str, str]) -> None:
    hold = held(mine, clerk_header, until=soon()).json()
    address = f"{TRANSACTIONS}{hold['id']}/void/"
    answers = [post(Client(), address, {"reason": "Left"}, **clerk_header) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["status"] == "voided"
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    for other in ({"reason": "Other"}, {"reason": "Left", "message": "Other"}):
        answer = post(Client(), address, other, **clerk_header)
        assert (answer.status_code, slug(answer)) == (409, "idempotency-conflict")


def test_a_hold_of_a_year_and_more_is_refused(mine: Account, clerk_header: dict[str, str]) -> None:
    answer = held(mine, clerk_header)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "until")


@pytest.mark.parametrize("scopes", [("read", "pay"), ("read", "staff")])
def test_each_verb_needs_both_scopes(
    paid: Transaction, scopes: tuple[str, ...], mine: Account
) -> None:
    clerk = colleague(OPERATIONS, "Other")
    header = {"Authorization": f"Bearer {issue(clerk, *scopes).text}"}
    for part in ("refund", "capture", "void"):
        answer = post(Client(), f"{TRANSACTIONS}{paid.pk}/{part}/", {"reason": "x"}, **header)
        assert (answer.status_code, slug(answer)) == (403, "not-allowed")
        lacking = "staff" if "staff" not in scopes else "pay"
        told = answer.headers["WWW-Authenticate"]
        assert 'error="insufficient_scope"' in told
        assert f'scope="{lacking}"' in told
    assert held(mine, header).status_code == 403


def test_customers_and_analysts_may_not(ana: Client, paid: Transaction) -> None:
    analyst = Client()
    analyst.force_login(colleague(ANALYSTS, "Analyst"))
    for client in (ana, analyst):
        answer = post(client, f"{TRANSACTIONS}{paid.pk}/refund/", {"reason": "x"})
        assert (answer.status_code, slug(answer)) == (403, "not-allowed")
    assert Transaction.objects.filter(reverses=paid).count() == 0


def test_the_same_key_with_another_reason_is_refused(
    paid: Transaction, theirs: Account, clerk_header: dict[str, str]
) -> None:
    refund = f"{TRANSACTIONS}{paid.pk}/refund/"
    first = {"amount": "30.00", "reason": "Complaint", "message": "Sorry"}
    hold = {
        "from_number": theirs.number, "amount": "5.00", "description": "Desk",
        "until": f"{timezone.localdate() + timedelta(days=3)}", "reason": "Complaint",
    }  # fmt: skip
    for address, sent in ((refund, first), (f"{TRANSACTIONS}holds/", hold)):
        key = {"Idempotency_Key": address, **clerk_header}
        assert post(Client(), address, sent, **key).status_code == 201
        assert post(Client(), address, {**sent, "reason": " Complaint "}, **key).status_code == 201
        others = [{**sent, "reason": "Other"}]
        others += [{**sent, "message": "Other"}] if "message" in sent else []
        for other in others:
            answer = post(Client(), address, other, **key)
            assert (answer.status_code, slug(answer)) == (409, "idempotency-conflict")


def test_of_two_requests_with_one_key_in_parallel_that_with_another_reason_is_refused(
    paid: Transaction, clerk_header: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one has looked for the row before the first one booked it."""
    address, key = f"{TRANSACTIONS}{paid.pk}/refund/", {"Idempotency_Key": "k", **clerk_header}
    sent = {"amount": "30.00", "reason": "Complaint"}
    assert post(Client(), address, sent, **key).status_code == 201
    monkeypatch.setattr(verbs, "booked_before", lambda *_: None)
    assert post(Client(), address, sent, **key).status_code == 201
    answer = post(Client(), address, {**sent, "reason": "Other"}, **key)
    assert (answer.status_code, slug(answer)) == (409, "idempotency-conflict")
    assert Transaction.objects.filter(reverses=paid).count() == 1


@pytest.mark.parametrize("amount", [{}, {"amount": "70.00"}])
def test_a_request_that_another_with_its_key_books_meanwhile_gets_its_answer(
    amount: dict[str, str],
    paid: Transaction, clerk_header: dict[str, str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    address, key = f"{TRANSACTIONS}{paid.pk}/refund/", {"Idempotency_Key": "k", **clerk_header}
    sent = {"reason": "Complaint", **amount}
    first = post(Client(), address, sent, **key)

    def not_yet(*_: Any) -> None:
        monkeypatch.setattr(verbs, "booked_before", booked_before)

    monkeypatch.setattr(verbs, "booked_before", not_yet)
    second = post(Client(), address, sent, **key)
    assert (second.status_code, second.json()) == (201, first.json())
    assert Transaction.objects.filter(reverses=paid).count() == 1


def at_the_desk(verb: str, amount: str, text: str, paid: Transaction) -> Any:
    """The answer to one of STAFF_VERBS, by the token `text`, about the sides of a payment."""
    header = {"Authorization": f"Bearer {text}"}
    payer, recipient = paid.from_account, paid.to_account
    assert payer
    assert recipient
    if verb == "deposit":
        slip = {"to_account": str(recipient.pk), "amount": amount}
        return post(Client(), TRANSACTIONS, slip, **header)
    if verb == "withdrawal":
        slip = {"from_account": str(recipient.pk), "amount": amount}
        return post(Client(), TRANSACTIONS, slip, **header)
    if verb == "refund":
        address = f"{TRANSACTIONS}{paid.pk}/refund/"
        return post(Client(), address, {"amount": amount, "reason": "Asked"}, **header)
    if verb == "hold":
        body = {
            "from_number": recipient.number, "amount": amount, "description": "Desk",
            "until": f"{timezone.localdate() + timedelta(days=3)}", "reason": "Asked",
        }  # fmt: skip
        return post(Client(), f"{TRANSACTIONS}holds/", body, **header)
    held = services.hold(from_account=payer, to_account=recipient, amount=Decimal(50))
    address = f"{TRANSACTIONS}{held.pk}/capture/"
    return post(Client(), address, {"amount": amount, "reason": "Asked"}, **header)


STAFF_VERBS = ["deposit", "withdrawal", "refund", "hold", "capture"]


@pytest.mark.parametrize("amount", ODD_AMOUNTS)
@pytest.mark.parametrize("verb", STAFF_VERBS)
def test_an_odd_amount_is_the_same_problem_of_every_verb(
    paid: Transaction, verb: str, amount: str
) -> None:
    text = issue(colleague(OPERATIONS, "Clerk"), "read", "pay", "staff").text
    before = Transaction.objects.filter(status=Transaction.Status.COMPLETED).count()

    answer = at_the_desk(verb, amount, text, paid)

    assert (answer.status_code, slug(answer)) == (422, "invalid-amount")
    assert answer.json()["field"] == "amount"
    assert "Decimal" not in answer.json()["detail"]
    assert Transaction.objects.filter(status=Transaction.Status.COMPLETED).count() == before


@pytest.mark.parametrize("verb", STAFF_VERBS)
def test_the_limits_of_a_token_hold_for_what_staff_do(paid: Transaction, verb: str) -> None:
    clerk = colleague(OPERATIONS, "Clerk")
    limits = {"per_payment": Decimal(20), "currency": "USD"}
    limited = issue(clerk, "read", "pay", "staff", **limits).text
    foreign = issue(clerk, "read", "pay", "staff", currency="EUR").text

    for amount, text in (("20.01", limited), ("1.00", foreign)):
        answer = at_the_desk(verb, amount, text, paid)
        assert (answer.status_code, slug(answer)) == (422, "limit-exceeded")
    assert at_the_desk(verb, "20.00", limited, paid).status_code == 201


@pytest.mark.parametrize("verb", STAFF_VERBS)
def test_the_limit_of_a_day_is_of_ones_own_payments_not_of_what_staff_do(
    paid: Transaction, theirs: Account, verb: str
) -> None:
    """The clerk has paid more today than this token pays in a day."""
    clerk = colleague(OPERATIONS, "Clerk")
    own = AccountFactory(user=clerk, balance="50")
    services.transfer(from_account=own, to_account=theirs, amount=Decimal(9), created_by=clerk)
    limited = issue(clerk, "pay", "staff", per_day=Decimal(5), currency="USD").text

    assert at_the_desk(verb, "20.00", limited, paid).status_code == 201
    answer = post(
        Client(), TRANSACTIONS, body(own, theirs, amount="1.00"), Authorization=f"Bearer {limited}"
    )
    assert (answer.status_code, slug(answer)) == (422, "limit-exceeded")


def test_whose_payment_staff_worked_on_is_in_the_log_of_reads(
    mine: Account, theirs: Account, clerk_header: dict[str, str]
) -> None:
    held = services.hold(from_account=mine, to_account=theirs, amount=Decimal(5))
    post(Client(), f"{TRANSACTIONS}{held.pk}/void/", {"reason": "Asked"}, **clerk_header)
    (read,) = Read.objects.all()
    assert {mine.user_id, theirs.user_id} <= set(read.people)


@pytest.mark.parametrize("verb", ["void", "capture"])
def test_staff_without_names_read_no_text_of_what_they_work_on(
    mine: Account, theirs: Account, verb: str
) -> None:
    clerk = colleague(OPERATIONS, "Clerk")
    for group in clerk.groups.all():
        group.permissions.remove(Permission.objects.get(codename="view_user"))
    header = {"Authorization": f"Bearer {issue(clerk, 'read', 'pay', 'staff').text}"}
    held = services.hold(
        from_account=mine, to_account=theirs, amount=Decimal(5), description="For Ana Ferreira",
        metadata={"who": "Ana Ferreira"},
    )  # fmt: skip
    answer = post(Client(), f"{TRANSACTIONS}{held.pk}/{verb}/", {"reason": "Asked"}, **header)
    assert answer.status_code in (200, 201)
    assert "Ferreira" not in answer.content.decode()
