"""What is not known to be booked is not called booked: a lost answer of COMMIT, and a repeat that
the standby has not confirmed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.groups import OPERATIONS
from accounts.models import Account
from api.problems import PAY_AGAIN
from api.transactions import batch_views, payments
from ledger.db.retry import OutcomeUnknown
from tests.api.calls import ACCOUNTS, TRANSACTIONS, balance_of, bearer, body, post, slug
from tests.conftest import colleague
from tests.transactions.posting.shared import answers_lost
from transactions import services, staff_services
from transactions.models import Transaction

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def payer(mine: Account) -> dict[str, str]:
    return bearer(mine.user, "read", "pay")


@pytest.fixture
def clerk() -> dict[str, str]:
    return bearer(colleague(OPERATIONS, "Clerk"), "read", "pay", "staff")


@pytest.fixture
def held(mine: Account) -> Transaction:
    return services.hold(from_account=mine, amount=mine.balance / 4)


@pytest.fixture
def nobody_confirms(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """From now on the standby does not confirm what this module waits for."""

    def refuse() -> None:
        raise OutcomeUnknown("The standby did not confirm.")

    return lambda module: monkeypatch.setattr(f"{module}.wait_until_confirmed", refuse)


def assert_unknown(answer: Any, id: str) -> None:
    assert (answer.status_code, slug(answer)) == (503, "outcome-unknown")
    assert answer.json()["id"] == id
    assert answer.headers["Retry-After"]


def test_a_payment_that_was_found_is_not_called_booked_before_the_standby_has_it(
    mine: Account, theirs: Account, payer: dict[str, str], nobody_confirms: Callable[[str], None]
) -> None:
    key, sent = str(uuid4()), body(mine, theirs)
    assert post(Client(), TRANSACTIONS, sent, Idempotency_Key=key, **payer).status_code == 201

    nobody_confirms("api.transactions.views")

    unknown = post(Client(), TRANSACTIONS, sent, Idempotency_Key=key, **payer)
    assert_unknown(unknown, str(Transaction.objects.get(type="transfer").pk))
    assert unknown.json()["key"] == key


def test_a_release_that_was_found_is_not_called_done_before_the_standby_has_it(
    held: Transaction, clerk: dict[str, str], nobody_confirms: Callable[[str], None]
) -> None:
    address = f"{TRANSACTIONS}{held.pk}/void/"
    assert post(Client(), address, {"reason": "Left"}, **clerk).status_code == 200

    nobody_confirms("api.transactions.verbs")

    assert_unknown(post(Client(), address, {"reason": "Left"}, **clerk), str(held.pk))


def test_a_hold_that_was_found_is_not_called_placed_before_the_standby_has_it(
    mine: Account, clerk: dict[str, str], nobody_confirms: Callable[[str], None]
) -> None:
    key, sent = str(uuid4()), {
        "from_number": mine.number, "amount": "5.00", "description": "Desk",
        "until": str(timezone.localdate()), "reason": "Asked",
    }  # fmt: skip
    header = {"Idempotency_Key": key, **clerk}
    assert post(Client(), f"{TRANSACTIONS}holds/", sent, **header).status_code == 201

    nobody_confirms("transactions.staff.desk.steps")

    unknown = post(Client(), f"{TRANSACTIONS}holds/", sent, **header)
    assert_unknown(unknown, str(Transaction.objects.get(status="pending").pk))
    assert unknown.json()["key"] == key


def test_an_account_that_was_found_is_not_called_open_before_the_standby_has_it(
    payer: dict[str, str], nobody_confirms: Callable[[str], None]
) -> None:
    sent, key = {"name": "Trips", "currency": "USD"}, {"Idempotency_Key": "trips"}
    assert post(Client(), ACCOUNTS, sent, **key, **payer).status_code == 201

    nobody_confirms("api.accounts.views")

    assert post(Client(), ACCOUNTS, sent, **key, **payer).status_code == 503


@contextmanager
def lost(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> Iterator[None]:
    """This function of a module commits, and its answer is lost."""
    work = getattr(module, name)

    def without_answer(*args: Any, **options: Any) -> Any:
        with answers_lost(monkeypatch):
            return work(*args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(module, name, without_answer)
        yield


def test_a_payment_whose_answer_is_lost_names_the_key_to_send_again_with(
    mine: Account,
    theirs: Account,
    payer: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with lost(monkeypatch, payments, "_book_unlimited"):
        unknown = post(Client(), TRANSACTIONS, body(mine, theirs), **payer)
    id = str(Transaction.objects.get(type="transfer").pk)
    assert_unknown(unknown, id)

    key = unknown.json()["key"]
    assert key != id
    again = post(Client(), TRANSACTIONS, body(mine, theirs), Idempotency_Key=key, **payer)
    assert again.json()["id"] == id
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert balance_of(mine) == 1000 - Transaction.objects.get(pk=id).amount


def test_a_batch_whose_answer_is_lost_names_its_first_line_and_is_sent_again_with_its_key(
    mine: Account,
    theirs: Account,
    payer: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent = {"transactions": [body(mine, theirs, amount=f"{n}.00") for n in (1, 2, 3)]}
    header = {"Idempotency_Key": "salaries", **payer}

    with lost(monkeypatch, batch_views, "book_together"):
        unknown = post(Client(), f"{TRANSACTIONS}batch/", sent, **header)
    first = Transaction.objects.get(type="transfer", amount=1).pk
    assert_unknown(unknown, str(first))
    assert unknown.json()["detail"] != PAY_AGAIN, "with this id as the key it would pay twice"

    again = post(Client(), f"{TRANSACTIONS}batch/", sent, **header)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert UUID(again.json()["results"][0]["id"]) == first
    assert balance_of(mine) == 994


def test_a_release_whose_answer_is_lost_is_sent_again(
    held: Transaction,
    clerk: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = f"{TRANSACTIONS}{held.pk}/void/"
    with lost(monkeypatch, staff_services, "release"):
        unknown = post(Client(), address, {"reason": "Left"}, **clerk)
    assert_unknown(unknown, str(held.pk))

    again = post(Client(), address, {"reason": "Left"}, **clerk)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
