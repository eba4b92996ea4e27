"""Four eyes in a real browser: a clerk asks, a manager approves, and the money is booked."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from accounts.groups import MANAGER
from accounts.models import User
from tests.browser.shared import LONG, look_at, sign_in
from tests.factories import PASSWORD, AccountFactory, UserFactory, balances

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_deposit_is_asked_for_approved_and_booked(
    browser: Any, live_server: Any, clerk: User
) -> None:
    account = AccountFactory(balance="50000", user__name=LONG)
    boss = UserFactory(is_staff=True, email="boss@example.com", password=PASSWORD, name="Boss")
    boss.groups.add(Group.objects.get(name=MANAGER))
    clerks, managers = (browser.new_context(base_url=live_server.url) for _ in range(2))
    page = clerks.new_page()
    sign_in(page, clerk.email)
    page.goto(reverse("admin:transactions_transaction_cash_desk"))
    page.get_by_label("Account number").fill(account.number)
    page.get_by_label("Deposit").check()
    page.get_by_label("Amount").fill("20000")
    page.get_by_role("button", name="Review").click()
    page.get_by_label("Why").fill("Sold a house. " * 30)
    wrong = look_at(page, "review")
    page.get_by_role("button", name="Ask for approval").click()
    page.get_by_text("We have asked another person").wait_for()
    wrong += look_at(page, "approvals of who asked")
    assert balances(account) == [50_000]
    page = managers.new_page()
    sign_in(page, boss.email)
    page.goto(reverse("admin_approvals"))
    wrong += look_at(page, "approvals")
    page.get_by_role("button", name="Approve and book").click()
    page.get_by_text("Approved. Booked").wait_for()
    clerks.close()
    managers.close()
    assert balances(account) == [70_000]
    assert wrong == []
