"""Events reach a real receiver: signed, in the order of each account, and none is lost."""

import base64
import hashlib
import hmac
import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone

from accounts.models import Account
from banking.events import deliverer as deliverer_module
from banking.events import queues
from banking.events import services as event_services
from banking.events.deliverer import Deliverer
from banking.events.models import EventStream, Webhook, WebhookDelivery, WebhookQueue
from banking.events.sending import SLOW_SECONDS, SendResult
from ledger.jobs import worker
from ledger.management.commands import work
from tests.banking.events.receiver import ReceivedHook, Receiver, receiving
from tests.banking.events.shared import events_of
from tests.factories import AccountFactory, UserFactory
from tests.ledger.processes import wait_until
from tests.worker_role import as_worker
from transactions import services
from transactions.models import EventKind

pytestmark = pytest.mark.django_db(transaction=True)
ONE = Decimal(1)


@pytest.fixture(autouse=True)
def on_this_machine(settings: Any) -> None:
    settings.LEDGER_WEBHOOK_PRIVATE = True
    settings.LEDGER_WEBHOOK_TIMEOUT = 1


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def account(receiver: Receiver) -> Account:
    """Of somebody whose webhook is the receiver."""
    account: Account = AccountFactory(balance="1000")
    _listen(account, receiver)
    return account


def _listen(account: Account, receiver: Receiver, **options: Any) -> str:
    options = {"kinds": EventKind.values, **options}
    _, secret = event_services.add_webhook(owner=account.user, url=receiver.url, **options)
    return secret


def _deliver() -> int:
    with as_worker():
        return Deliverer(report=lambda _line: None).deliver_due()


def _make_due() -> None:
    """Lets the pauses after failures pass."""
    WebhookQueue.objects.update(next_at=None)
    Webhook.objects.update(paused_until=None)


def _pay(account: Account, times: int = 1) -> None:
    for _ in range(times):
        services.withdraw(from_account=account, amount=ONE)


def _is_signed(request: ReceivedHook, secret: str) -> bool:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{request.id}.{request.headers['webhook-timestamp']}.".encode() + request.body
    right = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return f"v1,{right}" in request.headers["webhook-signature"].split(" ")


def test_events_arrive_signed_in_order_and_say_ids_alone(receiver: Receiver) -> None:
    account = AccountFactory(balance="1000")
    secret = _listen(account, receiver)
    _pay(account, 3)
    assert _deliver() == 3
    numbers = [request.place for request in receiver.received]
    assert numbers == [(str(account.pk), number) for number in (1, 2, 3)]
    assert all(_is_signed(request, secret) for request in receiver.received)
    first, told = receiver.received[0], events_of(account)[0]
    assert first.content == {
        "type": "posted",
        "timestamp": told.at.isoformat().replace("+00:00", "Z"),
        "data": {
            "account": str(account.pk), "number": 1, "transaction": str(told.transaction_id)
        },
    }  # fmt: skip
    assert first.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert _deliver() == 0


def test_after_a_rotation_both_secrets_sign_for_a_day(
    account: Account, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = Webhook.objects.get()
    _, second = event_services.rotate_secret(owner=account.user, webhook=webhook.pk)
    _, third = event_services.rotate_secret(owner=account.user, webhook=webhook.pk)
    _pay(account)
    _deliver()
    (request,) = receiver.received
    assert _is_signed(request, second)
    assert _is_signed(request, third)
    assert len(request.headers["webhook-signature"].split(" ")) == 2
    later = timezone.now() + timedelta(days=1, minutes=1)
    monkeypatch.setattr("banking.events.deliverer.timezone.now", lambda: later)
    _pay(account)
    _deliver()
    assert not _is_signed(receiver.received[-1], second)
    assert _is_signed(receiver.received[-1], third)


def test_kinds_that_were_not_chosen_are_passed_over(receiver: Receiver) -> None:
    account = AccountFactory(balance="1000")
    _listen(account, receiver, kinds=["held"])
    _pay(account, 2)
    services.hold(from_account=account, amount=ONE)
    _pay(account)
    assert _deliver() == 1
    assert [request.content["type"] for request in receiver.received] == ["held"]
    assert WebhookQueue.objects.get().position == 4


def test_a_failure_holds_back_its_account_alone_and_loses_nothing(
    account: Account, receiver: Receiver
) -> None:
    other = AccountFactory(user=account.user)
    receiver.answer = lambda _handler: 500 if _last(receiver) == str(account.pk) else 200
    _pay(account, 2)
    services.deposit(to_account=other, amount=ONE)
    assert _deliver() == 3
    assert [place for place in _places(receiver) if place[0] == str(other.pk)] == [
        (str(other.pk), 1), (str(other.pk), 2)
    ]  # fmt: skip
    receiver.answer = lambda _handler: 200
    _make_due()
    assert _deliver() == 2
    assert [place[1] for place in _places(receiver) if place[0] == str(account.pk)] == [1, 1, 2]
    ids = {request.id for request in receiver.received if request.place == (str(account.pk), 1)}
    assert len(ids) == 1
    delivery = WebhookDelivery.objects.get(account=account, number=1)
    assert (delivery.status, delivery.attempts, delivery.answer_code) == ("delivered", 2, 200)


def _places(receiver: Receiver) -> list[tuple[str, int]]:
    return [request.place for request in receiver.received]


def _last(receiver: Receiver) -> str:
    """The account of the request that is being answered."""
    return receiver.received[-1].place[0]


def test_the_pauses_grow_until_three_days_are_over_and_then_the_webhook_is_off(
    account: Account, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answer = lambda handler: 503
    _pay(account)
    pauses = []
    for _ in range(10):
        _make_due()
        assert _deliver() == 1
        queue = WebhookQueue.objects.get()
        assert queue.next_at is not None
        pauses.append(queue.next_at - queues.clock())
    assert pauses[:9] == sorted(pauses[:9])
    assert pauses[-1] > timedelta(hours=7)
    assert Webhook.objects.get().is_active
    WebhookQueue.objects.update(failing_since=timezone.now() - timedelta(days=3))
    _make_due()
    mail.outbox.clear()
    _deliver()
    webhook = Webhook.objects.get()
    assert webhook.status == "disabled"
    assert webhook.reason
    assert [message.to for message in mail.outbox] == [[account.user.email]]
    assert not [each for each in caplog.records if each.levelname == "ERROR"]
    assert not EventStream.objects.get(account=account).is_listened
    _make_due()
    assert _deliver() == 0


def test_what_waited_is_sent_first_when_the_webhook_is_on_again(
    account: Account, receiver: Receiver
) -> None:
    receiver.answer = lambda handler: 410
    _pay(account, 2)
    _deliver()
    assert Webhook.objects.get().status == "disabled"
    receiver.answer = lambda handler: 204
    event_services.turn_on(owner=account.user, webhook=Webhook.objects.get().pk)
    _pay(account)
    _deliver()
    assert [request.place[1] for request in receiver.received] == [1, 1, 2, 3]


def test_a_delivery_is_sent_again_under_the_same_id_beside_its_queue(
    account: Account, receiver: Receiver
) -> None:
    _pay(account, 2)
    _deliver()
    first = WebhookDelivery.objects.get(number=1)
    event_services.send_again(owner=account.user, delivery=first.pk)
    assert _deliver() == 1
    assert [request.place[1] for request in receiver.received] == [1, 2, 1]
    assert receiver.received[0].id == receiver.received[2].id
    assert receiver.received[0].body == receiver.received[2].body
    assert WebhookQueue.objects.get().position == 2
    assert _deliver() == 0


def test_a_webhook_is_told_nothing_of_accounts_that_are_not_its_owners(
    account: Account, receiver: Receiver
) -> None:
    _pay(account)
    Account.objects.filter(pk=account.pk).update(user=UserFactory())
    assert _deliver() == 0
    assert receiver.received == []


def test_nothing_is_sent_for_somebody_whose_sign_in_is_closed(
    account: Account, receiver: Receiver
) -> None:
    _pay(account)
    account.user.deleted_at = timezone.now()
    account.user.save(update_fields=["deleted_at"])
    assert _deliver() == 0


def test_a_receiver_that_hangs_delays_no_other(receiver: Receiver, settings: Any) -> None:
    """Many accounts of the one that hangs, and two threads: the other gets its event meanwhile."""
    settings.LEDGER_WEBHOOK_THREADS, settings.LEDGER_WEBHOOK_TIMEOUT = 2, 30
    over = threading.Event()

    def hang(_handler: BaseHTTPRequestHandler) -> int:
        over.wait(60)
        return 200

    with receiving(hang) as hanging:
        slow = AccountFactory(balance="10")
        _listen(slow, hanging)
        for _ in range(3):
            AccountFactory(balance="10", user=slow.user)
        quick = AccountFactory(balance="10")
        _listen(quick, receiver)
        deliverer = Deliverer(report=lambda _line: None)
        with deliverer.running():
            hanging.wait_for(1)
            _pay(quick, 2)
            receiver.wait_for(2)
            assert len(hanging.received) == 1
            over.set()
    assert [request.place[1] for request in receiver.received] == [1, 2]


def test_many_slow_receivers_leave_a_thread_to_the_others(
    receiver: Receiver, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LEDGER_WEBHOOK_THREADS, settings.LEDGER_WEBHOOK_TIMEOUT = 3, 30
    monkeypatch.setattr(deliverer_module, "POLL_SECONDS", 0.01)
    over, refused_slow = threading.Event(), threading.Event()
    real = queues.claim

    def claim(worker: str, *, may_be_slow: bool = True) -> Any:
        if not may_be_slow:
            refused_slow.set()
        return real(worker, may_be_slow=may_be_slow)

    def hang(_handler: BaseHTTPRequestHandler) -> int:
        over.wait(60)
        return 200

    monkeypatch.setattr(queues, "claim", claim)
    with receiving(hang) as hanging:
        for _ in range(4):
            slow = AccountFactory(balance="10")
            _listen(slow, hanging)
            _pay(slow)
        Webhook.objects.update(slow_until=timezone.now() + timedelta(minutes=5))
        quick = AccountFactory(balance="10")
        _listen(quick, receiver)
        with Deliverer(report=lambda _line: None).running():
            hanging.wait_for(2)
            assert refused_slow.wait(60)
            _pay(quick, 2)
            receiver.wait_for(2)
            assert len(hanging.received) == 2
            over.set()
            hanging.wait_for(4)


def test_a_slow_attempt_is_the_last_of_its_turn(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pay(account, 3)
    claims: list[object] = []
    found = queues.claim

    def claim(worker: str) -> Any:
        claims.append(found(worker))
        return claims[-1]

    monkeypatch.setattr(queues, "claim", claim)
    monkeypatch.setattr(
        deliverer_module, "attempt", lambda _sending: SendResult(200, "", SLOW_SECONDS + 1)
    )
    assert _deliver() == 3
    assert len([claim for claim in claims if claim]) == 3


def test_several_workers_keep_the_order_of_each_account(receiver: Receiver) -> None:
    accounts = [AccountFactory(balance="1000") for _ in range(3)]
    for account in accounts:
        _listen(account, receiver)
    workers = [Deliverer(report=lambda _line: None) for _ in range(3)]
    with workers[0].running(), workers[1].running(), workers[2].running():
        for _ in range(10):
            for account in accounts:
                _pay(account)
        receiver.wait_for(30)
    for account in accounts:
        mine = [it.place[1] for it in receiver.received if it.place[0] == str(account.pk)]
        assert mine == list(range(1, 11))
    assert len({request.id for request in receiver.received}) == 30


def test_a_worker_for_webhooks_alone_delivers_and_does_no_job(
    account: Account, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[str] = []
    monkeypatch.setattr(worker, "call_command", lambda name, **_options: jobs.append(name))
    monkeypatch.setattr(work, "STOP_SIGNALS", ())  # those of the tests stay as they are
    _pay(account)

    call_command("work", once=True, webhooks=True)

    assert (len(receiver.received), jobs) == (1, [])
    call_command("work", once=True)
    assert jobs


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_whose_delivery_an_error_has_ended_ends_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So systemd, Compose or ECS starts another. One that stayed would deliver nothing."""

    def fail(_worker: str, **_options: bool) -> None:
        raise AssertionError

    monkeypatch.setattr(queues, "claim", fail)
    monkeypatch.setattr(work, "STOP_SIGNALS", ())
    with pytest.raises(CommandError, match="webhooks"):
        call_command("work", webhooks=True)


def test_without_threads_a_worker_waits_and_delivers_nothing(
    account: Account, receiver: Receiver, settings: Any
) -> None:
    settings.LEDGER_WEBHOOK_THREADS = 0
    _pay(account)
    deliverer = Deliverer(report=lambda _line: None)
    with deliverer.running():
        deliverer.wait(0)
    assert receiver.received == []


@pytest.mark.parametrize("away", [False, True])
def test_the_heartbeat_goes_on_also_while_the_database_is_away(
    away: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process would not find the database either."""

    def claim(_worker: str, **_options: bool) -> None:
        if away:
            raise OperationalError

    monkeypatch.setattr(queues, "claim", claim)
    monkeypatch.setattr(deliverer_module, "POLL_SECONDS", 0.01)
    heartbeat = tmp_path / "heartbeat"
    with Deliverer(report=lambda _line: None, heartbeat=heartbeat).running():
        wait_until(heartbeat.exists)
        os.utime(heartbeat, (0, 0))
        wait_until(lambda: heartbeat.stat().st_mtime > 0)


def test_a_worker_that_delivers_nothing_has_a_heartbeat_too(tmp_path: Path, settings: Any) -> None:
    settings.LEDGER_WEBHOOK_THREADS = 0
    heartbeat = tmp_path / "heartbeat"
    deliverer = Deliverer(report=lambda _line: None, heartbeat=heartbeat)
    with deliverer.running():
        deliverer.wait(0)
    assert heartbeat.exists()
