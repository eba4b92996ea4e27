"""Freezing and closing in the admin: with a reason, by who may, one account or many."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from accounts import services as account_services
from accounts.groups import PEOPLE_ADMIN
from accounts.models import Account, StatusChange, User
from ledger.db.ids import uuid7
from ledger.text.money import account_number
from tests.accounts.admin_pages import ACCOUNTS, page_of, texts
from tests.conftest import beside_the_request, colleague, signed_in
from tests.factories import AccountFactory, UserFactory
from tests.pages import lacks, text_of
from transactions.services import hold, withdraw

pytestmark = pytest.mark.django_db


def test_an_action_asks_for_a_reason_first(staff: Client, account: Account) -> None:
    chosen = {"action": "freeze", "_selected_action": account.pk}
    asked = staff.post(ACCOUNTS, {**chosen, "index": "0"})
    page = asked.content.decode()
    for fact in (account_number(account.number), account.user.name, "10.00", "USD"):
        assert fact in page
    for reason in ("", "   ", "x" * 501):
        refused = staff.post(ACCOUNTS, {**chosen, "reason": reason})
        assert refused.status_code == 200
        assert refused.context["form"].errors["reason"]
    account.refresh_from_db()
    assert account.is_active
    assert not StatusChange.objects.exists()


def test_an_action_says_what_became_of_each_account(
    staff: Client, clerk: User, account: Account
) -> None:
    empty, frozen = AccountFactory(name="Empty"), AccountFactory(name="Frozen")
    account_services.freeze_account(account=frozen)
    account_services.close_account(account=frozen)
    answer = staff.post(ACCOUNTS, {
        "action": "close",
        "_selected_action": [account.pk, empty.pk, frozen.pk],
        "reason": "Asked at the counter",
    })  # fmt: skip
    assert "Everyday still has 10.00 USD" in text_of(answer)
    told = " | ".join(sorted(texts(answer)))
    assert f"Empty {account_number(empty.number)}: closed." in told
    assert "closed already, nothing changed" in told
    change = StatusChange.objects.get(account=empty)
    assert (change.changed_by, change.reason) == (clerk, "Asked at the counter")
    entry = LogEntry.objects.get()
    assert (entry.object_id, "Asked at the counter" in entry.change_message) == (
        str(empty.pk),
        True,
    )


@pytest.fixture
def travel() -> Account:
    """An account with money, a hold of it, and a hold for it on another account."""
    travel: Account = AccountFactory(name="Travel", balance="1159.99")
    hold(from_account=travel, amount=Decimal(150))
    hold(from_account=AccountFactory(balance="5"), to_account=travel, amount=Decimal(5))
    return travel


def test_all_obstacles_to_closing_are_named_with_their_pages_before_a_reason_is_asked_for(
    staff: Client, travel: Account
) -> None:
    page = staff.get(page_of(travel, "close"))
    sentences = (
        "Travel has 150.00 USD on hold",
        "on hold for Travel",
        "Travel still has 1,159.99 USD",
    )
    assert not lacks(text_of(page), *sentences)
    holds, desk = (
        reverse(f"admin:transactions_transaction_{name}") for name in ("changelist", "cash_desk")
    )
    links = (f"{holds}?account={travel.pk}&amp;standing=pending", f"{desk}?account={travel.pk}")
    assert not lacks(page.content.decode(), *links)
    assert 'name="reason"' not in page.content.decode()


def test_a_refused_step_names_all_obstacles_and_keeps_what_was_typed(
    staff: Client, travel: Account
) -> None:
    """As when the money came in after the form was opened."""
    typed = "Asked at the counter on Monday"
    page = staff.post(page_of(travel, "close"), {"reason": typed})
    assert page.status_code == 200
    assert not lacks(text_of(page), "has 150.00 USD on hold", "still has 1,159.99 USD", typed)
    travel.refresh_from_db()
    assert travel.is_active


def test_a_list_asks_for_a_reason_only_for_what_can_be_done(
    staff: Client, account: Account
) -> None:
    empty, closed = AccountFactory(name="Empty"), AccountFactory(name="Gone")
    account_services.close_account(account=closed)
    chosen = {"action": "close", "_selected_action": [account.pk, empty.pk, closed.pk]}
    page = staff.post(ACCOUNTS, chosen)
    assert page.context["things"] == [empty]
    assert not lacks(text_of(page), "Everyday still has", "Closed already")
    chosen["_selected_action"] = [account.pk, closed.pk]
    assert 'name="reason"' not in staff.post(ACCOUNTS, chosen).content.decode()


@pytest.mark.parametrize("name", ["freeze", "unfreeze"])
def test_a_closed_account_says_so_before_a_reason_is_asked_for(
    staff: Client, account: Account, name: str
) -> None:
    withdraw(from_account=account, amount=Decimal(10))
    account_services.close_account(account=account)
    page = staff.get(page_of(account, name))
    assert "closed permanently" in text_of(page)
    assert 'name="reason"' not in page.content.decode()


def test_the_page_of_an_account_freezes_and_unfreezes_it(staff: Client, account: Account) -> None:
    for name, status in (("freeze", "frozen"), ("unfreeze", "active")):
        response = staff.post(page_of(account, name), {"reason": "Lost card"})
        assert response["Location"] == page_of(account)
        account.refresh_from_db()
        assert account.status == status


def test_of_two_colleagues_at_once_the_history_names_the_one_who_froze_it(
    staff: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = account_services.change_status

    def after_the_other(**asked: Any) -> bool:
        with beside_the_request():
            account_services.freeze_account(account=account, reason="First")
        return change(**asked)

    monkeypatch.setattr(account_services, "change_status", after_the_other)
    answer = staff.post(page_of(account, "freeze"), {"reason": "Second"})
    assert "frozen already, nothing changed" in str(list(get_messages(answer.wsgi_request))[-1])
    assert [change.reason for change in StatusChange.objects.all()] == ["First"]
    assert not LogEntry.objects.exists()


def test_more_than_a_hundred_at_once_are_refused(
    staff: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.admin.actions.MAX_ROWS_PER_ACTION", 1)
    chosen = [account.pk, AccountFactory().pk]
    answer = staff.post(ACCOUNTS, {"action": "freeze", "_selected_action": chosen, "reason": "x"})
    assert "nothing was done" in texts(answer)[0]
    assert not Account.objects.filter(status="frozen").exists()


def test_staff_without_the_right_to_change_get_no_actions(client: Client, account: Account) -> None:
    reader = UserFactory(is_staff=True)
    reader.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(reader)
    client.post(ACCOUNTS, {"action": "freeze", "_selected_action": account.pk, "reason": "x"})
    assert client.post(page_of(account, "freeze"), {"reason": "x"}).status_code == 403
    account.refresh_from_db()
    assert account.is_active


@pytest.mark.parametrize("there", [True, False])
def test_who_may_not_freeze_does_not_learn_whether_there_is_such_an_account(
    account: Account, there: bool
) -> None:
    pk = account.pk if there else uuid7()
    assert (
        signed_in(colleague(PEOPLE_ADMIN, "Ada"))
        .get(f"/admin/accounts/account/{pk}/freeze/")
        .status_code
        == 403
    )
