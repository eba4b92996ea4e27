"""The page of approvals says each thing once, and offers only what can be done."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import services as account_services
from accounts.approvals import LONGEST_NOTE
from accounts.exceptions import DetailsInvalid
from accounts.groups import MANAGER
from accounts.models import Account, ApprovalRequest, Change, User
from ledger.text.dates import exact
from tests.attacks.approvals import PAGE, approved, as_web, asked_limits, step
from tests.conftest import colleague, signed_in
from tests.factories import AccountFactory
from tests.pages import lacks, texts_of
from transactions import services
from transactions.models import Transaction
from transactions.services import Draft
from transactions.staff.approvals import page
from transactions.staff.approvals.requests import ask_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(balance="50000")
    return account


def asked(clerk: User, **sides: Any) -> ApprovalRequest:
    draft = Draft(amount=Decimal(20_000), created_by=clerk, **sides)
    with as_web(clerk):
        return ask_for(services.preview(draft), reason="Sold a house", asked_by=clerk)


def buttons(manager: Client) -> list[str]:
    page = manager.get(PAGE).content.decode()
    return [name for name in ("approve", "decline", "do", "withdraw") if f'value="{name}"' in page]


def entries(browser: Client) -> list[str]:
    return texts_of(browser.get(PAGE), "approval")


def test_a_withdrawal_from_a_frozen_account_is_approved_and_waits_for_its_unfreezing(
    account: Account, clerk: User, manager: Client, boss: User
) -> None:
    request = asked(clerk, from_account=account)
    account_services.freeze_account(account=account, reason="Lost card")
    (entry,) = entries(manager)
    assert entry.count("frozen") == 1
    assert "before somebody unfreezes the account" in entry
    assert "Approve and book" not in entry
    step(manager, request, "approve")
    (entry,) = entries(manager)
    assert entry.count("frozen") == 1
    assert buttons(manager) == []
    account_services.unfreeze_account(account=account, reason="Found")
    assert buttons(manager) == ["do"]
    step(manager, request, "do")
    (entry,) = entries(manager)
    assert "Status" not in entry


def test_a_second_press_says_that_it_is_booked_already_with_a_link(
    account: Account, clerk: User, manager: Client
) -> None:
    request = asked(clerk, to_account=account)
    for _ in range(2):
        page = step(manager, request, "approve")
    (told,) = page.context["messages"]
    assert told.level_tag == "info"
    row = reverse("admin:transactions_transaction_change", args=[request.transaction_id])
    assert not lacks(str(told), "Booked already; approved by you", f'href="{row}"')
    (told,) = step(manager, request, "decline", note="No").context["messages"]
    assert told.level_tag == "error"
    assert "Booked already" in str(told)
    assert Transaction.objects.filter(pk=request.transaction_id).count() == 1


def test_the_second_of_two_managers_reads_who_declined(
    account: Account, clerk: User, manager: Client
) -> None:
    request = asked(clerk, to_account=account)
    step(manager, request, "decline", note="Call first")
    other = signed_in(colleague(MANAGER, "Second"))
    (told,) = step(other, request, "approve").context["messages"]
    assert told.level_tag == "error"
    assert "Declined already, by Boss" in str(told)


def test_limits_that_are_changed_already_are_not_called_outdated(
    account: Account, manager: Client
) -> None:
    ingrid = colleague(MANAGER, "Ingrid")
    request = asked_limits(account, ingrid, overdraft_limit=Decimal(20_000))
    for _ in range(2):
        page = step(manager, request, "approve")
    (told,) = page.context["messages"]
    assert told.level_tag == "info"
    assert "Changed already" in str(told)


def test_a_deposit_into_a_frozen_account_can_be_booked(
    account: Account, clerk: User, manager: Client
) -> None:
    asked(clerk, to_account=account)
    account_services.freeze_account(account=account, reason="Lost card")
    (entry,) = entries(manager)
    assert "is frozen, but can receive money" in entry
    assert "Approve and book" in entry


def test_a_manager_reads_all_that_they_approve(
    account: Account, clerk: User, manager: Client
) -> None:
    until = timezone.now() + timedelta(days=3)
    held = services.hold(from_account=account, amount=Decimal(15_000), description="Notary")
    row = services.withdraw(from_account=account, amount=Decimal(15_000), description="Car")
    drafts = (
        Draft(from_account=account, amount=Decimal(16_000), pending=True, expires_at=until),
        Draft(from_account=account, amount=Decimal(15_000), description="Notary", captures=held),
        Draft(to_account=account, amount=Decimal(15_000), description="Refund: Car", reverses=row),
    )
    for draft in drafts:
        with as_web(clerk):
            preview = services.preview(replace(draft, created_by=clerk))
            ask_for(preview, reason="Asked by letter", message="Dear Ana,\n  sorry", asked_by=clerk)
    response = manager.get(PAGE)
    hold, capture, refund = texts_of(response, "approval")
    assert f"Held until {exact(until)}" in hold
    assert "Captures this hold" in capture
    assert "Refunds this transaction" in refund
    assert "The customer reads Dear Ana, sorry" in refund
    page = response.content.decode()
    for about in (held, row):
        assert page.count(reverse("admin:transactions_transaction_change", args=[about.pk])) == 1
    assert page.count(reverse("admin:accounts_account_change", args=[account.pk])) == 3


def test_a_request_for_a_closed_account_is_only_declined(
    clerk: User, manager: Client, boss: User
) -> None:
    account = AccountFactory()
    asked(clerk, to_account=account)
    approved(asked(clerk, to_account=account), boss)
    account_services.close_account(account=account, reason="Moved away")
    found = entries(manager)
    assert [entry.count("closed") for entry in found] == [1, 1]
    assert buttons(manager) == ["decline"]


def test_who_asked_is_not_sent_to_another_manager_for_what_nobody_can_approve(
    account: Account, boss: User, manager: Client
) -> None:
    asked_limits(account, boss, overdraft_limit=Decimal(20_000))
    (entry,) = entries(manager)
    assert "another manager decides" in entry
    account_services.change_account(account=account, overdraft_limit=Decimal(5))
    (entry,) = entries(manager)
    assert "Somebody has changed these limits" in entry
    assert "another manager decides" not in entry
    assert buttons(manager) == ["withdraw"]


def test_enter_in_the_reason_declines_and_never_approves(
    account: Account, clerk: User, manager: Client
) -> None:
    asked(clerk, to_account=account)
    forms = manager.get(PAGE).content.decode().split("<form ")[1:]
    (with_reason,) = [form for form in forms if 'name="note"' in form]
    assert 'value="decline"' in with_reason
    assert 'value="approve"' not in with_reason
    assert 'value="approve"' in "".join(forms)


def test_the_history_of_approved_limits_says_who_asked_and_why(
    account: Account, manager: Client
) -> None:
    ingrid = colleague(MANAGER, "Ingrid")
    request = asked_limits(account, ingrid, overdraft_limit=Decimal(20_000))
    step(manager, request, "approve")
    change = Change.objects.filter(table_name="accounts", about=str(account.pk)).latest(
        "changed_at"
    )
    assert [*(change.after or {})] == ["overdraft_limit"]
    assert "A bridge loan" in change.reason
    assert str(ingrid) in change.reason


@pytest.mark.parametrize("name", ["approve", "decline"])
def test_a_note_that_is_too_long_to_be_stored_decides_nothing(
    account: Account, clerk: User, manager: Client, name: str
) -> None:
    request = asked(clerk, to_account=account)
    url = reverse("admin_approval_step", args=[request.pk])
    for note in ("a" * (LONGEST_NOTE + 1), " " * 1_000_000 + "a"):
        answer = manager.post(url, {"step": name, "note": note})
        assert (answer.status_code, answer["Location"]) == (302, PAGE)
        request.refresh_from_db()
        assert request.status == "pending"
    manager.post(url, {"step": name, "note": "a" * LONGEST_NOTE})
    request.refresh_from_db()
    assert request.status != "pending"


def test_a_reason_that_is_too_long_to_be_stored_asks_for_nothing(
    account: Account, clerk: User
) -> None:
    seen = services.preview(Draft(amount=Decimal(20_000), created_by=clerk, to_account=account))
    with pytest.raises(DetailsInvalid):
        ask_for(seen, reason="a" * (LONGEST_NOTE + 1), asked_by=clerk)


def test_what_is_open_is_shown_in_pages_and_each_request_is_found(
    account: Account, clerk: User, boss: User, manager: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "OPEN_SHOWN", 2)
    done, *waiting = [str(asked(clerk, to_account=account).pk) for _ in range(4)]
    approved(ApprovalRequest.objects.get(pk=done), boss)
    assert open_on(manager) == waiting[:2]
    assert open_on(manager, page=2) == [waiting[2], done]
    for each in [done, *waiting]:
        assert each in open_on(manager, request=each)
    (link,) = re.findall(rf'href="([^"]+)#request-{done}"', signed_in(clerk).get(PAGE).text)
    assert open_on(manager, link) == [waiting[2], done]


def test_who_decides_stays_on_the_page(
    account: Account, clerk: User, manager: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "OPEN_SHOWN", 1)
    first, second, third = [asked(clerk, to_account=account) for _ in range(3)]
    forms = manager.get(PAGE, {"page": 2}).text
    (number,) = set(re.findall('name="page" value="([^"]+)"', forms))
    step(manager, second, "approve", page=number)
    url = reverse("admin_approval_step", args=[third.pk])
    answer = manager.post(url, {"step": "decline", "note": "No", "page": "2&request=x"})
    assert answer["Location"] == f"{PAGE}?page=2%26request%3Dx"
    assert open_on(manager, answer["Location"]) == [str(first.pk)]


def open_on(browser: Client, url: str = PAGE, **query: str | int) -> list[str]:
    """The ids of the requests on this page that wait or can be done."""
    shown = browser.get(url, query or None).text.partition("<h2>Decided</h2>")[0]
    return re.findall(r'<article class="approval" id="request-([^"]+)"', shown)
