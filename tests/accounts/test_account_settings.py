"""The page on which owners change the settings of their accounts."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.exceptions import AccountNotActive, AccountNotFound, OwnerNotActive
from accounts.models import Account, Change, User
from accounts.services import choose_settings, close_account, freeze_account
from tests.factories import AccountFactory, UserFactory
from tests.pages import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(name="Everyday")
    return account


@pytest.fixture
def page(account: Account) -> Any:
    client = Client()
    client.force_login(account.user)

    def page(**sent: str) -> Any:
        url = f"/accounts/{account.pk}/settings/"
        shown = client.get(url)
        return client.post(url, shown.context["form"].initial | sent) if sent else shown

    return page


def test_an_owner_gives_an_account_another_name(account: Account, page: Any) -> None:
    assert "Everyday" in text_of(page())

    assert page(name="  Holiday   fund ")["Location"] == f"/accounts/{account.pk}/"

    account.refresh_from_db()
    assert account.name == "Holiday fund"
    change = Change.objects.filter(about=account.pk).latest("changed_at")
    assert (change.before, change.after) == ({"name": "Everyday"}, {"name": "Holiday fund"})
    assert change.person_id == account.user_id


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "\u200d\u200c"])
def test_a_name_that_cannot_be_read_is_refused_in_place(
    account: Account, page: Any, name: str
) -> None:
    response = page(name=name)
    assert response.status_code == 200
    assert response.context["form"].errors["name"]
    assert response.context["account"].name == "Everyday"
    account.refresh_from_db()
    assert account.name == "Everyday"


def test_what_did_not_change_is_not_written(account: Account, page: Any) -> None:
    before = Change.objects.count()
    Account.objects.filter(pk=account.pk).update(name="By staff")  # after the page was opened
    page(name="By staff")
    assert Change.objects.count() == before + 1


def test_the_account_of_somebody_else_is_not_found(page: Any) -> None:
    other = Client()
    other.force_login(UserFactory())
    url = page().wsgi_request.path
    assert other.get(url).status_code == 404
    assert other.post(url, {"name": "Mine"}).status_code == 404


def test_a_frozen_account_changes_its_settings_and_a_closed_one_does_not(
    account: Account, page: Any
) -> None:
    freeze_account(account=account, reason="Lost card")
    page(name="Frozen")
    close_account(account=account)
    assert page()["Location"] == f"/accounts/{account.pk}/"
    account.refresh_from_db()
    assert account.name == "Frozen"


def test_the_service_asks_who_owns_the_account_and_whether_they_are_active(
    account: Account,
) -> None:
    with pytest.raises(AccountNotFound):
        choose_settings(account=account, owner=UserFactory(), name="Mine")
    User.objects.filter(pk=account.user_id).update(deleted_at=timezone.now())
    with pytest.raises(OwnerNotActive):
        choose_settings(account=account, owner=account.user, name="Mine")


def test_the_service_refuses_a_closed_account(account: Account) -> None:
    close_account(account=account)
    with pytest.raises(AccountNotActive):
        choose_settings(account=account, owner=account.user, name="Mine")
