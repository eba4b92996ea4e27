"""Webhooks that point into the bank's network, hostile receivers, and killed workers."""

import signal
import socket
import threading
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler
from typing import Any
from unittest.mock import Mock
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from banking.events import sending, targets
from banking.events import services as event_services
from banking.events.deliverer import Deliverer
from banking.events.models import Webhook, WebhookDelivery
from banking.events.targets import AddressRefused
from tests.banking.events.receiver import receiving
from tests.banking.events.shared import webhook_of
from tests.factories import AccountFactory, UserFactory
from tests.ledger.databases import own_databases
from tests.ledger.jobs.work_process import WorkProcess
from tests.ledger.processes import environment, wait_until
from tests.sign_in import let_pass
from transactions import services
from transactions.models import EventKind

PUBLIC = "8.8.8.8"
OWNER = uuid4()
PRIVATE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "0.0.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1",
    "240.0.0.1", "255.255.255.255", "168.63.129.16", "192.88.99.1",
    "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1",
    "2002:7f00:1::", "2001::1", "2001:db8::1", "3fff::1",
]  # fmt: skip
WRONG = [
    "http://shop.example/", "ftp://shop.example/", "file:///etc/passwd", "gopher://shop.example/",
    "https://", "https:///path", "shop.example", "https://user:secret@shop.example/",
    "https://user@shop.example/", "https://shop.example:22/", "https://shop.example:80/",
    "https://shop.example:5432/", "https://shop.example:99999/", "https://shop.example/#part",
    "https://shop.example/ x", "https://shop.example\\@127.0.0.1/", "https://shop.example/\r\nX: y",
    "https://[::1%25eth0]/", "https://[nonsense]/", "https://" + "a" * 600 + ".example/",
    "https://exa mple/", "//shop.example/", "javascript:alert(1)",
]  # fmt: skip


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The addresses of each name, in place of the system's resolver."""
    names: dict[str, list[str]] = {"shop.example": [PUBLIC]}
    monkeypatch.setattr(targets, "look_up", lambda host, _port: names.get(host, []))
    return names


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """An event that ends all lookups of names that begin with "hang". Other names are resolved
    immediately.
    """
    answers = threading.Event()

    def look_up(host: str, _port: int) -> list[str]:
        if host.startswith("hang"):
            answers.wait(60)
        return [PUBLIC]

    monkeypatch.setattr(targets, "look_up", look_up)
    yield answers
    answers.set()


def _look_up_what_hangs(owner: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    target = targets.read("https://hang.example/")
    with monkeypatch.context() as impatient:
        impatient.setattr(targets, "LOOK_UP_SECONDS", 0.01)
        with pytest.raises(AddressRefused):
            targets.resolve(target, owner)


def _is_looked_up(owner: UUID) -> bool:
    try:
        return targets.resolve(targets.read("https://shop.example/"), owner) == [PUBLIC]
    except AddressRefused:
        return False


def test_names_that_hang_keep_no_name_of_others_from_being_looked_up(
    hanging: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    attackers = [uuid4() for _ in range(3)]
    for _ in range(5):
        for attacker in attackers:
            _look_up_what_hangs(attacker, monkeypatch)
    assert not _is_looked_up(attackers[0])
    assert _is_looked_up(OWNER)
    hanging.set()
    wait_until(lambda: _is_looked_up(attackers[0]))


def test_an_attempt_does_not_wait_for_names_of_others(
    hanging: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting would make the owner slow."""
    monkeypatch.setattr(targets, "MAX_LOOK_UPS", 1)
    _look_up_what_hangs(uuid4(), monkeypatch)
    answer = sending.send("https://shop.example/", {}, b"", owner=OWNER, seconds=1)
    assert answer.is_unreachable
    assert not answer.is_slow


def test_look_ups_that_cannot_begin_take_no_place(
    resolver: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", Mock(side_effect=RuntimeError("no thread left")))
        for _ in range(targets.MAX_LOOK_UPS_OF_PERSON):
            answer = sending.send("https://shop.example/", {}, b"", owner=OWNER, seconds=1)
            assert answer.is_unreachable
    assert _is_looked_up(OWNER)


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_of_a_private_network_is_not_public(address: str) -> None:
    assert not targets.is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "1.1.1.1", "2606:4700:4700::1111", "2a00:1450::1"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert targets.is_public(address)


@pytest.mark.django_db
@pytest.mark.parametrize("url", WRONG)
def test_an_address_that_no_delivery_may_go_to_is_refused(
    url: str, resolver: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = Mock(return_value=200)
    monkeypatch.setattr(sending, "_exchange", exchange)
    assert sending.send("https://shop.example/", {}, b"", owner=OWNER, seconds=1).is_delivered
    exchange.assert_called_once()
    with pytest.raises(AddressRefused):
        event_services.add_webhook(owner=UserFactory(), url=url, kinds=["posted"])
    assert sending.send(url, {}, b"", owner=OWNER, seconds=1).is_unreachable
    exchange.assert_called_once()


@pytest.mark.django_db
@pytest.mark.parametrize("found", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::ffff:7f00:1"], []])
def test_a_name_that_leads_into_a_private_network_is_refused(
    found: list[str], resolver: dict[str, list[str]]
) -> None:
    resolver["evil.example"] = found
    with pytest.raises(AddressRefused):
        event_services.add_webhook(
            owner=UserFactory(), url="https://evil.example/", kinds=["posted"]
        )


def test_the_answer_does_not_tell_which_names_the_inside_has(
    resolver: dict[str, list[str]],
) -> None:
    resolver |= {"books.bank.example": ["10.0.0.7"], "mixed.bank.example": [PUBLIC, "10.0.0.7"]}
    told = set[str]()
    for host in (*resolver, "nothing.bank.example"):
        if host == "shop.example":
            continue
        with pytest.raises(AddressRefused) as refused:
            targets.resolve(targets.read(f"https://{host}/"), OWNER)
        told.add(str(refused.value).replace(host, "HOST"))
    assert len(told) == 1


@pytest.mark.parametrize("zone", ["%25eth0", "%eth0", "%251", "%"])
@pytest.mark.parametrize("address", ["::1", "fe80::1", "2606:4700:4700::1111"])
def test_an_address_with_a_zone_is_refused_before_anything_is_looked_up(
    address: str, zone: str, settings: Any
) -> None:
    settings.LEDGER_WEBHOOK_PRIVATE = True
    with pytest.raises(AddressRefused):
        targets.read(f"http://[{address}{zone}]/")


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "[::1]", "127.0.0.1"]
)
def test_other_spellings_of_this_machine_are_refused(host: str) -> None:
    """Uses the system's resolver."""
    with pytest.raises(AddressRefused):
        targets.resolve(targets.read(f"https://{host}/"), OWNER)


@pytest.mark.parametrize(
    "host", ["stra\xdfe.example", "\u03c3\u03ac\u03c2.example", "a\u200db.example"]
)
def test_a_host_that_browsers_and_python_read_differently_is_refused(host: str) -> None:
    with pytest.raises(AddressRefused):
        targets.read(f"https://{host}/")


def test_a_host_in_other_letters_is_that_of_browsers() -> None:
    assert targets.read("https://B\xfccher.example./").host == "xn--bcher-kva.example"
    assert targets.read("https://r3---sn.example/").host == "r3---sn.example"


@pytest.mark.django_db(transaction=True)
def test_a_name_that_changes_after_registration_is_looked_up_and_checked_again(
    resolver: dict[str, list[str]],
) -> None:
    account: Account = AccountFactory(balance="10")
    event_services.add_webhook(owner=account.user, url="https://shop.example/", kinds=["posted"])
    resolver["shop.example"] = ["169.254.169.254"]
    services.withdraw(from_account=account, amount=Decimal(1))
    assert Deliverer(report=lambda _line: None).deliver_due() == 1
    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.answer_code) == ("failed", None)
    assert "public address" in delivery.error


def test_the_connection_goes_to_the_address_that_was_checked(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """A name whose address changes at each lookup is looked up once, and Host contains the name."""
    settings.LEDGER_WEBHOOK_PRIVATE = True
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    monkeypatch.setattr(targets, "look_up", rebinding)
    monkeypatch.setattr(socket, "getaddrinfo", _nothing_else_looks_up)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with receiving() as receiver:
        answer = sending.send(
            f"http://shop.example:{receiver.port}/hook?a=b", {}, b"{}", owner=OWNER, seconds=10
        )
        assert answer.code == 200
        assert receiver.received[0].headers["host"] == f"shop.example:{receiver.port}"
        assert receiver.received[0].path == "/hook?a=b"
    assert asked == ["shop.example"]


def _nothing_else_looks_up(host: str, *_arguments: Any, **_options: Any) -> Any:
    assert host != "shop.example"
    raise OSError


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_this_machine_is_not_followed(status: int, settings: Any) -> None:
    settings.LEDGER_WEBHOOK_PRIVATE = True
    with receiving() as inside:

        def redirect(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            handler.send_header("Location", inside.url)
            handler.end_headers()

        with receiving(redirect) as outside:
            answer = sending.send(outside.url, {}, b"{}", owner=OWNER, seconds=10)
        assert (answer.code, answer.is_delivered) == (status, False)
        assert len(outside.received) == 1
        assert inside.received == []


def test_a_receiver_that_answers_byte_by_byte_gets_no_more_time(settings: Any) -> None:
    settings.LEDGER_WEBHOOK_PRIVATE = True
    over = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\nX: ")
        for _ in range(600):
            if over.wait(0.1):
                return
            handler.wfile.write(b"x")
            handler.wfile.flush()

    with receiving(drip) as receiver:
        answer = sending.send(receiver.url, {}, b"{}", owner=OWNER, seconds=1)
        over.set()
    assert not answer.is_delivered
    assert answer.is_unreachable
    assert answer.seconds < 30


def test_a_receiver_that_speaks_no_http_or_nothing_is_a_failure(settings: Any) -> None:
    settings.LEDGER_WEBHOOK_PRIVATE = True
    for words in (b"SSH-2.0-OpenSSH_9.9\r\n", b"", b"HTTP/1.1 abc\r\n\r\n"):

        def babble(handler: BaseHTTPRequestHandler, words: bytes = words) -> None:
            handler.wfile.write(words)
            handler.close_connection = True

        with receiving(babble) as receiver:
            answer = sending.send(receiver.url, {}, b"{}", owner=OWNER, seconds=5)
        assert answer.is_unreachable, words


@pytest.mark.django_db
def test_adding_needs_a_fresh_step_up(client: Client, resolver: dict[str, list[str]]) -> None:
    person = UserFactory(password="seven-quiet-harbours")
    client.force_login(person)
    let_pass(client, 6)
    form = {"url": "https://shop.example/hook", "kinds": ["posted"]}
    response = client.post(reverse("transactions:webhook_new"), form)
    assert response.status_code == 302
    assert "reauthenticate" in response.headers["Location"]
    assert not Webhook.objects.exists()


@pytest.mark.django_db
def test_strangers_change_nothing_and_learn_nothing(client: Client) -> None:
    account = AccountFactory(balance="10")
    webhook = webhook_of(account.user)
    services.withdraw(from_account=account, amount=Decimal(1))
    delivery = WebhookDelivery.objects.create(
        webhook=webhook, account=account, number=1, kind="posted", at=webhook.created_at,
        status="failed",
    )  # fmt: skip
    client.force_login(UserFactory())
    for name in ("webhook", "webhook_secret", "webhook_on", "webhook_remove"):
        assert client.get(reverse(f"transactions:{name}", args=[webhook.pk])).status_code == 404
    for name in ("off", "kinds", "secret", "on", "remove"):
        url = reverse(f"transactions:webhook_{name}", args=[webhook.pk])
        assert client.post(url, {"kinds": ["held"]}).status_code == 404
    again = reverse("transactions:delivery_again", args=[delivery.pk])
    assert client.post(again).status_code == 404
    webhook.refresh_from_db()
    delivery.refresh_from_db()
    assert (webhook.status, webhook.kinds, delivery.again_at) == ("active", EventKind.values, None)


A_PAYMENT = """
from decimal import Decimal
from accounts import services as accounts
from accounts.models import User
from transactions import services
from banking.events import services as events
from transactions.models import EventKind
person = User.objects.create_user(email="ana@example.com", name="Ana")
account = accounts.open_account(user=person, currency="USD")
events.add_webhook(owner=person, url="{url}", kinds=EventKind.values)
services.deposit(to_account=account, amount=Decimal(10))
"""


def test_a_worker_killed_between_sending_and_marking_sends_again_under_the_same_id() -> None:
    may_answer = threading.Event()

    def late(_handler: BaseHTTPRequestHandler) -> int:
        may_answer.wait(60)
        return 200

    with own_databases() as databases, receiving(late) as receiver:
        bank = databases.new("empty")
        given = {"LEDGER_WEBHOOK_PRIVATE": "True", "LEDGER_WEBHOOK_TIMEOUT": "60"}
        bank.run("shell", "-v", "0", "-c", A_PAYMENT.format(url=receiver.url), **given)
        first = WorkProcess(environment(bank.folder, DATABASE_URL=bank.url, **given))
        receiver.wait_for(1)
        first.end(signal.SIGKILL)
        assert bank.values("SELECT status FROM webhook_deliveries") == ["sending"]
        assert bank.values("SELECT position FROM webhook_queues") == ["0"]
        may_answer.set()
        bank.values("UPDATE webhooks SET claim_ends = clock_timestamp() RETURNING 1")  # as later
        second = WorkProcess(environment(bank.folder, DATABASE_URL=bank.url, **given))
        try:
            receiver.wait_for(2)
            wait_until(lambda: bank.values("SELECT position FROM webhook_queues") == ["1"])
            assert second.end() == 0, second.lines
        finally:
            for process in (first, second):
                process.kill()
    assert [request.place for request in receiver.received] == [receiver.received[0].place] * 2
    assert len({request.id for request in receiver.received}) == 1
