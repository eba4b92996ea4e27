"""A customer closes one of their accounts."""

from decimal import Decimal

import pytest
from django.test import Client

from accounts.models import Account, StatusChange, User
from accounts.services import freeze_account
from banking.standing_orders.services import end
from tests.banking.payment_files.files import pay, stored
from tests.banking.standing_orders.orders import order_of
from tests.factories import PASSWORD, AccountFactory, UserFactory
from tests.pages import lacks, text_of
from tests.sign_in import let_pass
from transactions import services
from transactions.audit.audit import audit
from transactions.closing.services import CannotClose, close_own_account, obstacles

pytestmark = pytest.mark.django_db


@pytest.fixture
def travel() -> Account:
    ana = UserFactory(name="Ana Ferreira", password=PASSWORD)
    travel: Account = AccountFactory(name="Travel", user=ana)
    return travel


@pytest.fixture
def ana(client: Client, travel: Account) -> Client:
    client.force_login(travel.user)
    return client


def close_url(account: Account) -> str:
    return f"/accounts/{account.pk}/close/"


def test_the_settings_of_an_account_lead_to_closing_it(ana: Client, travel: Account) -> None:
    settings_url = f"/accounts/{travel.pk}/settings/"
    assert settings_url in ana.get(f"/accounts/{travel.pk}/").content.decode()
    assert close_url(travel) in ana.get(settings_url).content.decode()
    page = text_of(ana.get(close_url(travel)))
    assert not lacks(page, "Travel", "you cannot open it again", "Close the account")


def test_it_is_closed_once_and_its_statement_stays(ana: Client, travel: Account) -> None:
    other = AccountFactory(user=travel.user)
    for said in ("Travel is closed.", "Travel is closed already."):
        page = text_of(ana.post(close_url(travel), follow=True))
        assert not lacks(page, said, "You can still see its statement")
    travel.refresh_from_db()
    other.refresh_from_db()
    assert (travel.is_closed, other.is_active) == (True, True)
    change = StatusChange.objects.get(account=travel)
    assert change.changed_by == travel.user
    assert close_url(travel) not in ana.get(f"/accounts/{travel.pk}/").content.decode()
    assert audit().clean


def test_all_obstacles_are_named_with_their_pages(ana: Client, travel: Account) -> None:
    services.deposit(to_account=travel, amount=Decimal(90))
    services.hold(from_account=travel, amount=Decimal(40))
    payer = AccountFactory(balance="9")
    services.hold(from_account=payer, to_account=travel, amount=Decimal(2))
    order_of(travel, payer)
    file = stored(travel, pay(payer, 1))
    freeze_account(account=travel, reason="Lost")
    page = ana.get(close_url(travel))
    sentences = (
        "Travel is frozen", "Travel has 40.00", "on hold for Travel", "Travel still has 90.00",
        "1 standing order pays from or to Travel", f"The payment file {file.name} is not paid",
    )  # fmt: skip
    assert not lacks(text_of(page), *sentences)
    links = (
        f"/accounts/{travel.pk}/", f"/transfers/new/?from={travel.pk}", "/standing-orders/",
        f"/transfers/files/{file.pk}/",
    )  # fmt: skip
    assert not lacks(page.content.decode(), *(f'href="{link}"' for link in links))
    assert "Close the account" not in page.content.decode()
    assert not lacks(text_of(ana.post(close_url(travel), follow=True)), *sentences)
    travel.refresh_from_db()
    assert travel.is_frozen


def test_an_ended_order_and_orders_of_others_are_no_obstacle(travel: Account) -> None:
    other = AccountFactory(balance="9")
    order_of(other, travel)
    end(order=order_of(travel, other))
    assert obstacles(travel.user, travel) == []


def test_a_debt_is_named(travel: Account) -> None:
    indebted = AccountFactory(user=travel.user, name="Bills", overdraft_limit=Decimal(50))
    services.withdraw(from_account=indebted, amount=Decimal(20))
    with pytest.raises(CannotClose, match=r"Bills owes 20\.00"):
        close_own_account(account=indebted, person=travel.user)


def test_closing_needs_a_fresh_step_up(ana: Client, travel: Account) -> None:
    let_pass(ana, minutes=6)
    assert "reauthenticate" in ana.post(close_url(travel))["Location"]
    travel.refresh_from_db()
    assert travel.is_active


def test_an_account_of_somebody_else_is_a_404(ana: Client) -> None:
    other = AccountFactory()
    assert ana.get(close_url(other)).status_code == 404
    assert ana.post(close_url(other)).status_code == 404
    other.refresh_from_db()
    assert other.is_active


def test_staff_ask_a_colleague(staff: Client, clerk: User) -> None:
    own = AccountFactory(user=clerk)
    page = text_of(staff.post(close_url(own), follow=True))
    assert "Ask a colleague" in page
    own.refresh_from_db()
    assert own.is_active
