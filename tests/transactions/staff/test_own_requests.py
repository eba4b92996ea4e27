"""Who asked for approval reads what became of it: on the admin's first page, and on Approvals."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.groups import OPERATIONS, SUPPORT
from accounts.models import Account, ApprovalRequest, User
from tests.attacks.approvals import PAGE, approved, asked, expire, step
from tests.conftest import colleague, signed_in
from tests.factories import AccountFactory, walls_down
from tests.pages import texts_of

pytestmark = pytest.mark.django_db(transaction=True)
PAGES = [reverse("admin:index"), PAGE]


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(balance="50000")
    return account


def news(browser: Client, page: str = PAGE) -> str:
    return " ".join(texts_of(browser.get(page), "own")).replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize("page", PAGES)
def test_a_clerk_reads_who_declined_what_they_asked_for_and_why(
    page: str, account: Account, clerk: User, staff: Client, manager: Client, boss: User
) -> None:
    assert news(staff, page) == ""
    request = asked(account, clerk)
    assert "A manager can decide until" in news(staff, page)
    step(manager, request, "decline", note="No proof of the sale")
    text = news(staff, page)
    assert "Declined Cash deposit, 20,000.00 USD Sold a house" in text
    assert f"Declined by {boss}" in text
    assert "No proof of the sale" in text


@pytest.mark.parametrize("page", PAGES)
def test_a_clerk_reads_who_approved_it_and_that_it_is_done(
    page: str, account: Account, clerk: User, staff: Client, manager: Client, boss: User
) -> None:
    request = asked(account, clerk)
    approved(request, boss)
    assert f"Approved by {boss}" in news(staff, page)
    assert "You can use the approval until" in news(staff, page)
    step(manager, request, "do")
    assert "Done Cash deposit" in news(staff, page)


def test_a_clerk_reads_that_nobody_decided_in_time_or_did_it(
    account: Account, clerk: User, staff: Client, boss: User
) -> None:
    request = asked(account, clerk)
    expire(request)
    assert "Expired Cash deposit" in news(staff)
    assert "Nobody decided, and the request expired on" in news(staff)
    second = approved(asked(account, clerk, 30_000), boss)
    expire(second)
    assert "The approval expired on" in news(staff)


def test_old_news_and_those_of_others_are_left_out(
    account: Account, clerk: User, staff: Client, manager: Client
) -> None:
    old = asked(account, clerk)
    step(manager, old, "decline", note="No")
    long_ago = timezone.now() - timedelta(days=8)
    with walls_down("approval_requests") as cursor:
        cursor.execute("UPDATE approval_requests SET decided_at = %s", [long_ago])
    step(manager, asked(account, colleague(OPERATIONS, "Otto")), "decline", note="No")
    assert news(staff) == ""
    assert ApprovalRequest.objects.count() == 2


def test_what_one_withdrew_oneself_is_no_news(account: Account, clerk: User, staff: Client) -> None:
    step(staff, asked(account, clerk), "withdraw")
    assert news(staff) == ""


def test_who_may_not_see_approvals_reads_none(account: Account, clerk: User) -> None:
    asked(account, clerk)
    clerk.groups.set([])
    helper = colleague(SUPPORT, "Sue")
    assert "own__rows" not in signed_in(helper).get("/admin/").content.decode()


def test_each_line_leads_to_its_request(account: Account, clerk: User, staff: Client) -> None:
    request = asked(account, clerk)
    page = staff.get(PAGE).content.decode()
    assert page.count(f'id="request-{request.pk}"') == 1
    assert f"{PAGE}?request={request.pk}#request-{request.pk}" in staff.get("/admin/").text
