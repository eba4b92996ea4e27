"""A form whose row is found by its id is called booked only when the standby has that row.

tests/ledger/test_unconfirmed_commits.py does it with a real standby.
"""

import uuid
from decimal import Decimal
from io import BytesIO

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, User
from banking.payment_files.booking import book_rest
from banking.payment_files.preview import check
from banking.payment_files.storage import store
from ledger.db.commits.confirmation import wait_until_confirmed
from ledger.db.ids import uuid7, uuid7_for
from ledger.db.retry import OutcomeUnknown
from tests.attacks.approvals import as_web
from tests.banking.standing_orders.orders import order_of
from tests.factories import AccountFactory
from transactions import services

pytestmark = pytest.mark.django_db
FOUND_IN = (
    "transactions.transfers.reviewed_form",
    "transactions.staff.desk.steps",
    "banking.payment_files.booking",
    "banking.payment_files.storage",
)


@pytest.fixture
def everyday() -> Account:
    return AccountFactory(balance="1000")


@pytest.fixture
def nobody_confirms(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OutcomeUnknown("The standby did not confirm.")

    for module in FOUND_IN:
        monkeypatch.setattr(f"{module}.wait_until_confirmed", refuse)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_transfer_form_that_was_sent_leads_to_no_receipt(
    client: Client, everyday: Account, nobody_confirms: None, method: str
) -> None:
    mara, id = AccountFactory(), uuid7()
    services.transfer(
        from_account=everyday,
        to_account=mara,
        amount=Decimal(5),
        id=uuid7_for(everyday.user.pk, id),
    )
    form = {"id": str(id), "from_account": str(everyday.pk), "number": mara.number, "amount": "5"}
    client.force_login(everyday.user)

    send = client.get if method == "GET" else client.post
    assert send(reverse("transactions:transfer"), form).status_code == 503


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_standing_order_that_was_sent_is_not_said_to_be_set_up(
    client: Client, everyday: Account, nobody_confirms: None, method: str
) -> None:
    mara, id = AccountFactory(), uuid7()
    person = everyday.user.pk
    order_of(everyday, mara, id=uuid7_for(person, uuid7_for(person, id)))
    form = {
        "id": str(id), "from_account": str(everyday.pk), "number": mara.number, "amount": "10",
        "every": "once", "first_on": timezone.localdate().isoformat(),
    }  # fmt: skip
    client.force_login(everyday.user)

    send = client.get if method == "GET" else client.post
    assert send(reverse("transactions:standing_order_new"), form).status_code == 503


def test_a_slip_of_the_cash_desk_that_was_sent_leads_to_no_row(
    staff: Client, clerk: User, everyday: Account, nobody_confirms: None
) -> None:
    key = uuid7()
    id = uuid7_for(clerk.pk, key)
    services.deposit(to_account=everyday, amount=Decimal(5), id=id, created_by=clerk)

    desk = reverse("admin:transactions_transaction_cash_desk")
    assert staff.get(desk, {"id": str(key)}).status_code == 503


def test_a_file_that_was_sent_is_not_returned_as_stored(
    everyday: Account, nobody_confirms: None
) -> None:
    id, text = uuid.uuid4(), f"to,amount\n{AccountFactory().number},1\n".encode()
    store(BytesIO(text), name="f.csv", from_account=everyday, created_by=everyday.user, id=id)

    with pytest.raises(OutcomeUnknown):
        store(BytesIO(text), name="f.csv", from_account=everyday, created_by=everyday.user, id=id)


def test_a_file_that_was_paid_is_not_said_to_be_done(
    everyday: Account, nobody_confirms: None
) -> None:
    text = f"to,amount\n{AccountFactory().number},1\n".encode()
    file = store(BytesIO(text), name="f.csv", from_account=everyday, created_by=everyday.user)
    done = book_rest(check(file), by=everyday.user)
    assert done.booked_count == 1

    with pytest.raises(OutcomeUnknown):
        book_rest(done, by=everyday.user)


def test_waiting_is_a_commit_that_a_web_process_may_make() -> None:
    """Only a transaction that wrote something waits for a standby."""
    xid = "SELECT pg_current_xact_id_if_assigned() IS NOT NULL"
    with as_web(), connection.cursor() as cursor:
        cursor.execute(xid)
        assert cursor.fetchone() == (False,)
        wait_until_confirmed()
        cursor.execute(xid)
        assert cursor.fetchone() == (True,)
