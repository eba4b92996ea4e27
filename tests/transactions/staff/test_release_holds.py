"""Staff release holds: one from its page, many from the list, each with its result."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.db import IntegrityError, connection
from django.test import Client
from django.urls import reverse

from accounts.models import Account, User
from ledger.db.history import facts
from tests.conftest import beside_the_request, permissions
from tests.factories import AccountFactory, UserFactory
from tests.pages import lacks, text_of
from transactions import services, staff_services
from transactions.audit.audit import audit
from transactions.exceptions import HOLD_CAPTURED, HOLD_RELEASED, NOT_A_HOLD
from transactions.models import StaffReason, Transaction

pytestmark = pytest.mark.django_db
LIST = reverse("admin:transactions_transaction_changelist")


@pytest.fixture
def account() -> Account:
    return AccountFactory(balance="100", user__name="Mara Lindt")


def held(account: Account, amount: str = "10", description: str = "Hotel Aurora") -> Transaction:
    return services.hold(from_account=account, amount=Decimal(amount), description=description)


def release_page(row: Transaction) -> str:
    return reverse("admin:transactions_transaction_release", args=[row.pk])


def chosen(*rows: Transaction, **said: str) -> dict[str, Any]:
    return {"action": "release", "_selected_action": [str(row.pk) for row in rows], **said}


def messages_of(response: Any) -> list[str]:
    found = get_messages(response.wsgi_request)
    return [str(message).replace("\N{NO-BREAK SPACE}", " ") for message in found]


def test_one_is_released_with_a_reason_and_a_message(
    staff: Client, clerk: User, account: Account
) -> None:
    row = held(account)
    page = text_of(staff.get(release_page(row)))
    assert "Everyday of Mara Lindt" in page
    assert "Hotel Aurora 10.00 USD pending" in page
    answer = staff.post(release_page(row), {"reason": "Cancelled", "message": "Cancelled by them"})
    assert answer["Location"] == reverse("admin:transactions_transaction_change", args=[row.pk])
    row.refresh_from_db()
    account.refresh_from_db()
    assert (row.status, account.held) == ("voided", 0)
    note = StaffReason.objects.get(transaction=row)
    assert (note.action, note.reason, note.message) == ("release", "Cancelled", "Cancelled by them")
    assert note.written_by == clerk
    assert audit().clean


def test_without_a_reason_nothing_is_released(staff: Client, account: Account) -> None:
    row = held(account)
    answer = staff.post(release_page(row), {"reason": " "})
    assert answer.context["form"].errors["reason"]
    row.refresh_from_db()
    assert row.is_pending


def test_sent_twice_it_is_released_once(staff: Client, account: Account) -> None:
    row = held(account)
    for reason in ("Cancelled", "Again"):
        answer = staff.post(release_page(row), {"reason": reason})
    assert "released already, nothing changed" in messages_of(answer)[-1]
    assert StaffReason.objects.get().reason == "Cancelled"


def test_of_two_colleagues_at_once_the_history_names_the_one_who_released(
    staff: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, other = held(account), UserFactory(is_staff=True)
    release = staff_services.release

    def after_the_other(**asked: Any) -> bool:
        with beside_the_request(), facts.with_facts(lambda: {"person": str(other.pk)}):
            release(hold=row, reason="First", written_by=other)
        return release(**asked)

    monkeypatch.setattr(staff_services, "release", after_the_other)
    answer = staff.post(release_page(row), {"reason": "Second"})
    assert not lacks(text_of(answer), "released before", "Second")
    assert [note.reason for note in StaffReason.objects.all()] == ["First"]
    assert not LogEntry.objects.exists()


def test_what_cannot_be_released_says_so_before_a_reason_is_typed(
    staff: Client, clerk: User, account: Account
) -> None:
    """With where to go instead, if there is anywhere."""
    taken, gone = held(account, "2"), services.void(hold=held(account, "3"))
    capture = services.capture(hold=taken)
    booked = Transaction.objects.get(type="deposit", to_account=account)
    own = held(AccountFactory(user=clerk, balance="5"), "4", "Own")
    change, refund = (
        reverse(f"admin:transactions_transaction_{name}", args=[row.pk])
        for name, row in (("change", capture), ("refund", booked))
    )
    for row, sentence, link in (
        (taken, HOLD_CAPTURED, change),
        (gone, HOLD_RELEASED, ""),
        (booked, NOT_A_HOLD, refund),
        (own, "so a colleague must do it", ""),
    ):
        answer = staff.get(release_page(row))
        said = answer.content.decode()
        assert sentence in text_of(answer)
        assert 'name="reason"' not in said
        assert not link or f'href="{link}"' in said
    assert not StaffReason.objects.exclude(transaction=gone).exists()


def test_many_are_released_from_the_list_each_with_its_result(
    staff: Client, clerk: User, account: Account
) -> None:
    good, taken, gone = held(account, "1", "Good"), held(account, "2", "Taken"), held(account, "3")
    services.capture(hold=taken)
    services.void(hold=gone)
    booked = Transaction.objects.get(type="deposit", to_account=account)
    own = held(AccountFactory(user=clerk, balance="5"), "4", "Own")
    rows = (good, taken, gone, booked, own)
    assert "Release holds" in staff.get(LIST, {"standing": "pending"}).content.decode()
    asked = staff.post(LIST, chosen(*rows))
    refused = (HOLD_CAPTURED, NOT_A_HOLD, "so a colleague must do it")
    assert not lacks(text_of(asked), "Release: why?", HOLD_RELEASED, *refused)
    assert asked.context["things"] == [good]
    answer = staff.post(LIST, chosen(*rows, reason="Network outage"))
    said = messages_of(answer)
    for result in ("1.00 USD, Good, Everyday", "released already"):
        assert sum(result in line for line in said) == 1, result
    assert not lacks(text_of(answer), "Network outage", *refused)
    assert set(answer.context["things"]) == {own, booked, taken}
    states = [Transaction.objects.get(pk=row.pk).status for row in rows]
    assert states == ["voided", "captured", "voided", "completed", "pending"]
    assert [note.transaction for note in StaffReason.objects.exclude(transaction=gone)] == [good]
    assert audit().clean


def test_the_action_is_for_those_who_manage_holds(client: Client, account: Account) -> None:
    row = held(account)
    viewer = UserFactory(is_staff=True)
    viewer.user_permissions.set(permissions("view_transaction", "view_contact_details"))
    client.force_login(viewer)
    assert "Release holds" not in client.get(LIST).content.decode()
    client.post(LIST, chosen(row, reason="Because"))
    assert client.post(release_page(row), {"reason": "Because"}).status_code == 403
    row.refresh_from_db()
    assert row.is_pending


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE transaction_notes SET reason = 'Other'",
        "DELETE FROM transaction_notes",
        "TRUNCATE transaction_notes",
    ],
)
def test_what_was_said_stays_said(statement: str, staff: Client, account: Account) -> None:
    staff.post(release_page(held(account)), {"reason": "Cancelled"})
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(IntegrityError, match="never change"):
            cursor.execute(statement)


def test_only_lists_of_pending_holds_have_the_menu_of_actions(
    staff: Client, account: Account
) -> None:
    held(account)
    page = reverse("admin:transactions_transaction_changelist")
    for state, has_menu in (("", False), ("booked", False), ("pending", True), ("today", True)):
        answer = staff.get(page, {"standing": state} if state else {})
        assert (b'name="action"' in answer.content) == has_menu, state
