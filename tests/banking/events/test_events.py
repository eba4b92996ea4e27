"""Each booking on an account with a listener writes one event, in the order of the books."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import ProgrammingError, connection
from django.utils import timezone

from accounts import services as account_services
from accounts.models import Account
from banking.events.models import AccountEvent, EventStream, Webhook, WebhookQueue
from tests.banking.events.shared import events_of, listening_account, webhook_of
from tests.console import read
from tests.factories import AccountFactory, UserFactory, hold_that_ended
from tests.transactions.row_security.rows import web_role
from transactions import services
from transactions.models import EventKind, Transaction

pytestmark = pytest.mark.django_db
TEN = Decimal(10)


def _kinds(account: Account) -> list[str]:
    return [event.kind for event in events_of(account)]


def test_nobody_listens_so_nothing_is_written() -> None:
    services.deposit(to_account=AccountFactory(balance="10"), amount=TEN)
    assert not AccountEvent.objects.exists()
    assert not EventStream.objects.exists()


def test_others_listen_so_nothing_is_written() -> None:
    listening_account()
    services.transfer(
        from_account=AccountFactory(balance="10"), to_account=AccountFactory(), amount=TEN
    )
    assert not AccountEvent.objects.exists()


def test_each_way_to_move_money_is_told_once_and_in_order() -> None:
    account = listening_account(balance="100")
    other = AccountFactory()
    paid = services.transfer(from_account=account, to_account=other, amount=TEN)
    services.reverse(transaction=paid)
    held = services.hold(from_account=account, to_account=other, amount=TEN)
    captured = services.capture(hold=held)
    released = services.hold(
        from_account=account, amount=TEN, expires_at=timezone.now() + timedelta(days=1)
    )
    services.void(hold=released)
    taken = services.withdraw(from_account=account, amount=TEN)
    told = [(event.kind, event.transaction_id) for event in events_of(account)]
    reversal = Transaction.objects.get(reverses=paid)
    assert told == [
        ("posted", paid.pk),
        ("reversed", reversal.pk),
        ("held", held.pk),
        ("captured", captured.pk),
        ("held", released.pk),
        ("voided", released.pk),
        ("posted", taken.pk),
    ]
    assert [event.number for event in events_of(account)] == list(range(1, 8))
    assert EventStream.objects.get(account=account).last_number == 7


def test_a_hold_that_expires_is_told() -> None:
    account = listening_account(balance="100")
    services.void(hold=hold_that_ended(account, TEN))
    assert _kinds(account) == ["held", "voided"]


def test_a_payment_between_two_listeners_is_one_row_with_a_number_for_each() -> None:
    payer, payee = listening_account(balance="100"), listening_account()
    services.deposit(to_account=payee, amount=TEN)
    paid = services.transfer(from_account=payer, to_account=payee, amount=TEN)
    (event,) = AccountEvent.objects.filter(transaction_id=paid.pk)
    assert (event.account_id, event.number) == (payer.pk, 1)
    assert (event.other_account_id, event.other_number) == (payee.pk, 2)


@pytest.mark.parametrize("rows", [3, 150], ids=["a few rows", "more rows than a few"])
def test_a_batch_is_told_in_the_order_of_the_books(rows: int) -> None:
    account, friend = listening_account(balance="1000"), listening_account(balance="1000")
    drafts = [
        services.Draft(from_account=account, to_account=friend, amount=Decimal(1))
        if number % 2
        else services.Draft(from_account=friend, to_account=account, amount=Decimal(1))
        for number in range(rows)
    ]
    services.post_batch(drafts)
    booked = list(Transaction.objects.exclude(from_account=None).oldest_first())
    assert AccountEvent.objects.count() == rows
    for one in (account, friend):
        told = events_of(one)
        assert [event.transaction_id for event in told] == [row.pk for row in booked]
        assert [event.at for event in told] == [row.created_at for row in booked]


def test_an_event_is_taken_back_with_its_booking() -> None:
    account = listening_account()
    told = []

    def fail(_row: Transaction) -> None:
        told.extend(_kinds(account))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        services.book(services.Draft(to_account=account, amount=TEN), write_also=fail)
    services.deposit(to_account=account, amount=TEN)
    assert told == ["posted"]
    assert [event.number for event in events_of(account)] == [1]


def test_opening_freezing_and_closing_are_told() -> None:
    person = UserFactory()
    webhook_of(person)
    account = AccountFactory(user=person)
    account_services.freeze_account(account=account, reason="Lost card")
    account_services.unfreeze_account(account=account, reason="Found")
    account_services.close_account(account=account, reason="Asked")
    assert _kinds(account) == [
        "account.opened",
        "account.frozen",
        "account.unfrozen",
        "account.closed",
    ]
    assert WebhookQueue.objects.get(account=account).position == 0


@pytest.mark.parametrize("status", ["paused", "disabled", "removed"])
def test_a_webhook_that_is_not_active_does_not_listen(status: str) -> None:
    account = listening_account()
    Webhook.objects.update(status=status)
    services.deposit(to_account=account, amount=TEN)
    assert _kinds(account) == []
    Webhook.objects.update(status="active")
    services.deposit(to_account=account, amount=TEN)
    assert _kinds(account) == ["posted"]


def test_a_second_webhook_begins_where_the_account_is() -> None:
    account = listening_account()
    services.deposit(to_account=account, amount=TEN)
    second = webhook_of(account.user)
    assert WebhookQueue.objects.get(webhook=second, account=account).position == 1


def test_the_web_role_writes_no_event() -> None:
    account = listening_account()
    stream = f"UPDATE event_streams SET last_number = 7 WHERE account_id = '{account.pk}'"
    event = f"INSERT INTO events VALUES ('{account.pk}', NULL, 1, NULL, 'posted', NULL, now())"
    position = "UPDATE webhook_queues SET position = 7"
    for statement in (stream, event, position, "DELETE FROM events"):
        with pytest.raises(ProgrammingError, match="permission denied"), web_role() as cursor:
            cursor.execute(statement)


def test_a_plain_payment_to_a_listener_goes_through_one_statement() -> None:
    """Also in the one statement of `posting.single_statement`, the event has its number."""
    account = listening_account(balance="100")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    services.transfer(from_account=account, to_account=AccountFactory(), amount=TEN)
    assert _kinds(account) == ["posted"]


def test_the_page_of_events_lists_each_kind() -> None:
    cells = re.findall(r"^\| (`[^|]+) \|", read("docs/events.md"), re.MULTILINE)
    assert sorted(re.findall(r"`(.+?)`", "".join(cells))) == sorted(EventKind.values)
