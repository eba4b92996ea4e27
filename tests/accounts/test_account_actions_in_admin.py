"""Freezing and closing in the admin: with a reason, by who may, one account or many."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client

from accounts import services as account_services
from accounts.models import Account, StatusChange, User
from ledger.text.money import account_number
from tests.accounts.admin_pages import ACCOUNTS, page_of, texts
from tests.conftest import beside_the_request
from tests.factories import AccountFactory, UserFactory

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
    told = " | ".join(sorted(texts(answer)))
    assert "not closed" in told
    assert "Everyday still has 10.00 USD" in told
    assert f"Empty {account_number(empty.number)}: closed." in told
    assert "closed already, nothing changed" in told
    change = StatusChange.objects.get(account=empty)
    assert (change.changed_by, change.reason) == (clerk, "Asked at the counter")
    entry = LogEntry.objects.get()
    assert (entry.object_id, "Asked at the counter" in entry.change_message) == (
        str(empty.pk),
        True,
    )


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
    monkeypatch.setattr("accounts.admin.actions.MOST_AT_ONCE", 1)
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
