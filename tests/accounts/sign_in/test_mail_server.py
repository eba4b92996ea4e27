"""A mail server that is down or hangs: who needs no mail notices nothing, others are told."""

import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPServerDisconnected
from threading import Thread
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.core.mail import EmailMessage
from django.core.mail.backends import smtp
from django.core.management import CommandError, call_command
from django.test import Client

from accounts import services
from accounts.models import User
from accounts.sign_in.mailed_codes import MAILS
from ledger.web import mail as mail_server
from ledger.web.mail import MailBackend, MailNotSent, MailRefused, TurnsInOrder, as_notice
from tests.factories import UserFactory
from tests.ledger.logs.mail_sink import mail_sink
from tests.ledger.processes import free_port, settings_with, wait_until
from tests.pages import text_of, without_request

pytestmark = pytest.mark.django_db
ANA, NOBODY = "ana@example.com", "nobody@example.com"
PASSWORD, NEW = "seven blue lamps at dusk", "another lamp at the quay"
RESET, CODE, SIGN_UP = "/account/password/reset/", "/account/login/code/", "/account/signup/"
SIGNING_UP = {"name": "Nina Rose", "password1": NEW, "password2": NEW}
MESSAGE = EmailMessage("Subject", "Text", "bank@example.com", [ANA])


@pytest.fixture
def ana() -> User:
    cache.clear()
    user: User = UserFactory(email=ANA, password=PASSWORD)
    EmailAddress.objects.create(user=user, email=ANA, verified=True, primary=True)
    return user


@pytest.fixture
def no_server(settings: Any) -> None:
    """Nothing listens where the mail server should be."""
    settings.EMAIL_BACKEND = "ledger.web.mail.MailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()


@pytest.fixture
def silent_server(settings: Any) -> Iterator[None]:
    """It takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.getsockname()
        settings.EMAIL_TIMEOUT = 0.05
        yield


@contextmanager
def turns_taken() -> Iterator[None]:
    """Mails that strangers have asked for are on their way, as many as may be at once."""
    for _ in range(mail_server.MAX_PARALLEL):
        assert MailBackend._turns.acquire(blocking=False)
    try:
        yield
    finally:
        MailBackend._turns.release(mail_server.MAX_PARALLEL)


def sign_in(client: Client, password: str = PASSWORD) -> bool:
    client.post("/account/login/", {"login": ANA, "password": password})
    return client.get("/").status_code == 200


def test_a_new_device_signs_in_and_the_log_says_that_its_mail_is_missing(
    ana: User, no_server: None, caplog: pytest.LogCaptureFixture
) -> None:
    assert sign_in(Client())
    with caplog.at_level(logging.ERROR):
        assert sign_in(Client())
    missing = f"account/email/new_device, person {ana.pk} (ConnectionRefusedError)"
    assert f"Notification not sent: {missing}" in caplog.text
    assert ANA not in caplog.text


def test_a_new_password_counts_and_its_page_comes(ana: User, no_server: None) -> None:
    client = Client()
    assert sign_in(client)
    form = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    assert client.post("/account/password/change/", form).status_code == 302
    assert sign_in(Client(), NEW)


def test_ending_other_sessions_is_answered(ana: User, no_server: None) -> None:
    here, elsewhere = Client(), Client()
    assert sign_in(here)
    assert sign_in(elsewhere)
    answer = here.post("/account/security/sessions/end-others/")
    assert answer.status_code == 302
    assert elsewhere.get("/").status_code == 302


@pytest.mark.parametrize(("path", "form"), [(RESET, {}), (CODE, {}), (SIGN_UP, SIGNING_UP)])
def test_who_needs_a_mail_is_told_and_nobody_learns_who_banks_here(
    ana: User, no_server: None, path: str, form: dict[str, str]
) -> None:
    answers = [Client().post(path, {"email": email, **form}) for email in (ANA, NOBODY)]
    assert [answer.status_code for answer in answers] == [503, 503]
    taken, free = (without_request(text_of(answer)) for answer in answers)
    assert taken == free
    assert "No mail could be sent" in text_of(answers[0])


def test_mails_that_did_not_leave_do_not_count(ana: User, no_server: None, settings: Any) -> None:
    for _ in range(MAILS.amount + 1):
        assert Client().post(RESET, {"email": ANA}).status_code == 503
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert Client().post(RESET, {"email": ANA}).status_code == 302
    assert len(mail.outbox) == 1


@pytest.mark.django_db(transaction=True)
def test_what_the_bank_does_is_not_undone(
    ana: User, no_server: None, caplog: pytest.LogCaptureFixture
) -> None:
    services.deactivate_user(user=ana)
    assert not User.objects.get(pk=ana.pk).is_active
    assert f"Notification not sent: Your sign-in was closed, person {ana.pk}" in caplog.text
    assert ANA not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_many_who_ask_for_mails_keep_no_notice_from_leaving(
    ana: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []
    settings.EMAIL_BACKEND = "ledger.web.mail.MailBackend"
    monkeypatch.setattr(
        smtp.EmailBackend, "send_messages", lambda _self, mails: taken.extend(mails[0].to)
    )
    monkeypatch.setattr(mail_server, "SECONDS", 0)
    with turns_taken():
        assert Client().post(RESET, {"email": ANA}).status_code == 503
        assert sign_in(Client())
        assert sign_in(Client())  # from a new device
        services.deactivate_user(user=ana)
    assert taken == [ANA, ANA]


@pytest.mark.usefixtures("silent_server")
def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    with pytest.raises(MailNotSent, match="Disconnected"):
        MailBackend().send_messages([MESSAGE])


@pytest.mark.usefixtures("no_server")
def test_a_test_mail_without_a_server_names_the_server_and_the_setting(settings: Any) -> None:
    place = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}: .*refused.*EMAIL_URL"
    with pytest.raises(CommandError, match=place):
        call_command("sendtestemail", ANA)


def test_a_notice_and_any_other_mail_arrive_at_the_server(settings: Any) -> None:
    with mail_sink() as sink:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", sink.port
        assert MailBackend().send_messages([MESSAGE]) == 1
        with as_notice(ANA):
            assert MailBackend().send_messages([MESSAGE]) == 1
        assert [told["To"] for told in sink.mails] == [ANA, ANA]


@pytest.mark.usefixtures("silent_server")
def test_few_notices_wait_for_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_server, "SECONDS", 0)
    with ExitStack() as taken:
        for person in range(mail_server.MAX_PARALLEL_NOTICES):
            taken.enter_context(as_notice(person))
        with pytest.raises(MailNotSent, match="too many parallel"), as_notice(ANA):
            pass
    for _ in range(2):  # its turn came back
        with pytest.raises(MailNotSent, match="Disconnected"), as_notice(ANA):
            MailBackend().send_messages([MESSAGE])


def test_turns_come_in_order_and_each_person_has_one_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mail_server, "SECONDS", 60)
    turns, served, waiting = TurnsInOrder(1), list[str](), list[Thread]()

    def take(person: str) -> None:
        with turns.of(person):
            served.append(person)

    def begin(person: str, line: list[str]) -> None:
        waiting.append(Thread(target=take, args=[person]))
        waiting[-1].start()
        wait_until(lambda: turns._line == line)

    with turns.of("mallory"):
        begin("mallory", ["mallory"])  # waits before the line
        begin("ana", ["mallory", "ana"])
        begin("ben", ["mallory", "ana", "ben"])
    for thread in waiting:
        thread.join()
    assert served == ["ana", "ben", "mallory"]
    assert turns._line == []


@pytest.mark.usefixtures("silent_server")
def test_few_threads_wait_for_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_server, "SECONDS", 0)
    with turns_taken(), pytest.raises(MailNotSent, match="too many parallel"):
        MailBackend().send_messages([MESSAGE])
    with pytest.raises(MailNotSent, match="Disconnected"):  # its turn came back
        MailBackend().send_messages([MESSAGE])


def test_the_settings_name_this_way_to_send(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    mails = {"EMAIL_URL": "smtp://me:secret@mail.example:25"}
    found = settings_with(monkeypatch, tmp_path, **mails)
    assert found["EMAIL_BACKEND"] == "ledger.web.mail.MailBackend"


@pytest.mark.parametrize(
    ("failure", "is_refusal"),
    [
        (SMTPRecipientsRefused({}), True),
        (SMTPDataError(554, b"spam"), True),
        (SMTPServerDisconnected(), False),
        (TimeoutError(), False),
    ],
)
def test_a_refused_mail_is_told_from_a_server_that_is_down(
    monkeypatch: pytest.MonkeyPatch, failure: Exception, is_refusal: bool
) -> None:
    def fails(_self: Any, _mails: Any) -> None:
        raise failure

    monkeypatch.setattr(smtp.EmailBackend, "send_messages", fails)
    with pytest.raises(MailNotSent) as raised:
        MailBackend().send_messages([MESSAGE])
    assert isinstance(raised.value, MailRefused) == is_refusal
