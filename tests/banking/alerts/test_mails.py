"""Mails of alerts: at once, daily, outside quiet hours, ended by one click, under one id."""

import logging
import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.utils import timezone

from accounts.models import Account, User
from banking.alerts import sending
from banking.alerts.links import MailKind, end_mails
from banking.alerts.mails import mail_of
from banking.alerts.models import Alert, AlertChoice, AlertTimes
from banking.alerts.sending import send_due
from banking.alerts.services import set_times
from banking.alerts.times import is_quiet, last_daily
from ledger.web.mail import MailNotSent, MailRefused
from tests.banking.alerts.shared import wants
from tests.factories import AccountFactory, UserFactory
from tests.pages import text_of
from transactions import services

pytestmark = pytest.mark.django_db
SITE = "https://bank.example"


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    settings.LEDGER_URL = SITE
    settings.ALLOWED_HOSTS = ["bank.example", "testserver"]


def pay_in(account: Account, amount: int, at: datetime | None = None) -> Alert:
    """Money in, told; as old as `at`."""
    paid = services.deposit(to_account=account, amount=Decimal(amount))
    alert: Alert = Alert.objects.get(about=paid.pk)
    if at is not None:
        Alert.objects.filter(pk=alert.pk).update(created_at=at)
    return alert


def parts(sent: Any) -> tuple[str, str]:
    """The text and the HTML of a mail."""
    assert isinstance(sent, EmailMultiAlternatives)
    return str(sent.body), str(sent.alternatives[0][0])


def link_in(sent: Any) -> str:
    """The path of the link that ends mails."""
    return str(sent.extra_headers["List-Unsubscribe"]).strip("<>").removeprefix(SITE)


def test_an_alert_is_mailed_once_as_text_and_html(everyday: Account, mara: Account) -> None:
    wants(everyday, "money_in", 0, mail="now")
    services.transfer(
        from_account=mara, to_account=everyday, amount=Decimal(20), description="evil.example"
    )
    assert [send_due().sent, send_due().sent] == [1, 0]
    (sent,) = mail.outbox
    assert sent.subject == "20.00 USD came in on Everyday"
    assert sent.to == [everyday.user.email]
    alert = Alert.objects.get()
    assert alert.mailed_at is not None
    for part in parts(sent):
        assert "20.00" in part
        assert "From Mara Lindt" in part
        assert f"{SITE}/transactions/{alert.about}/" in part
        assert "evil.example" not in part


def test_what_is_not_to_be_mailed_stays_on_the_page(everyday: Account) -> None:
    wants(everyday, "money_in", 0)
    pay_in(everyday, 5)
    assert (send_due().sent, mail.outbox) == (0, [])


def test_a_name_that_looks_like_a_link_is_not_mailed(everyday: Account) -> None:
    wants(everyday, "money_in", 0, mail="now")
    stranger = AccountFactory(balance="50", user__name="Win at evil.example")
    services.transfer(from_account=stranger, to_account=everyday, amount=Decimal(2))
    send_due()
    assert all("evil" not in part for part in parts(mail.outbox[0]))


@pytest.mark.parametrize(
    ("author", "description", "mailed"),
    [
        ("everyday", "Cinema on Friday", "To Mara Lindt \N{MIDDLE DOT} Cinema on Friday"),
        ("everyday", "", "To Mara Lindt"),
        ("everyday", "see evil.example", "To Mara Lindt"),
        ("everyday", "see evil\u3002example", "To Mara Lindt"),
        ("mara", "Cinema on Friday", "To Mara Lindt"),
    ],
)
def test_a_mail_says_what_money_out_was_for_if_its_reader_wrote_it(
    everyday: Account, mara: Account, author: str, description: str, mailed: str
) -> None:
    wants(everyday, "money_out", 0, mail="now")
    services.transfer(
        from_account=everyday, to_account=mara, amount=Decimal(33), description=description,
        created_by=(everyday if author == "everyday" else mara).user,
    )  # fmt: skip
    send_due()
    for part in parts(mail.outbox[0]):
        assert mailed in part
        assert ("Cinema" in part) == ("Cinema" in mailed)
        assert "evil" not in part


def test_what_a_captured_hold_was_for_is_not_mailed(everyday: Account, mara: Account) -> None:
    wants(everyday, "money_out", 0, mail="now")
    held = services.hold(
        from_account=everyday, to_account=mara, amount=Decimal(33), description="Cinema",
        created_by=everyday.user,
    )  # fmt: skip
    services.capture(hold=held, created_by=everyday.user, description="Other")
    send_due()
    assert all("To Mara Lindt" in part and "Other" not in part for part in parts(mail.outbox[0]))


def test_many_alerts_of_a_kind_are_one_mail_and_kinds_are_apart(everyday: Account) -> None:
    wants(everyday, "money_in", 0, mail="now")
    wants(everyday, "money_out", 0, mail="now")
    for amount in range(1, 24):
        services.deposit(to_account=everyday, amount=Decimal(amount))
    services.withdraw(from_account=everyday, amount=Decimal(3))
    assert send_due().sent == 2
    subjects = {sent.subject for sent in mail.outbox}
    assert subjects == {"23 alerts: Money in", "3.00 USD went out of Everyday"}
    (many,) = (sent for sent in mail.outbox if "23" in sent.subject)
    assert all("and 3 more" in part for part in parts(many))
    assert not Alert.objects.filter(mailed_at=None).exists()


def test_quiet_hours_hold_mails_back_until_their_end(everyday: Account) -> None:
    set_times(owner=everyday.user, daily_at=time(8), quiet_from=time(22), quiet_until=time(7))
    wants(everyday, "money_in", 0, mail="now")
    zone = timezone.get_default_timezone()
    day = date(2027, 1, 10)
    pay_in(everyday, 5, at=datetime.combine(day, time(21), zone))
    for clock, sent in ((time(22), 0), (time(23, 59), 0), (time(0), 0), (time(6, 59), 0)):
        late = day if clock > time(12) else day + timedelta(days=1)
        assert send_due(datetime.combine(late, clock, zone)).sent == sent
    assert send_due(datetime.combine(day + timedelta(days=1), time(7), zone)).sent == 1


def test_the_daily_mail_has_what_came_before_its_time(everyday: Account) -> None:
    set_times(owner=everyday.user, daily_at=time(18), quiet_from=None, quiet_until=None)
    wants(everyday, "money_in", 0, mail="daily")
    wants(everyday, "balance_below", 5000, mail="daily")
    zone = timezone.get_default_timezone()

    def at(day: int, clock: time) -> datetime:
        return datetime.combine(date(2027, 1, day), clock, zone)

    pay_in(everyday, 1, at=at(10, time(9)))
    pay_in(everyday, 2, at=at(10, time(17)))
    pay_in(everyday, 4, at=at(10, time(19)))
    assert send_due(at(10, time(17, 59))).sent == 0
    assert send_due(at(10, time(18, 1))).sent == 1
    assert mail.outbox[0].subject == "2 alerts: Daily mail"
    assert send_due(at(11, time(17))).sent == 0
    assert send_due(at(11, time(18))).sent == 1
    assert "4.00" in parts(mail.outbox[1])[0]
    assert send_due(at(12, time(18))).sent == 0


@pytest.mark.parametrize(
    ("begin", "end", "quiet", "loud"),
    [(22, 7, (22, 23, 0, 6), (7, 12, 21)), (9, 17, (9, 16), (8, 17, 0))],
)
def test_quiet_hours_may_go_over_midnight(
    begin: int, end: int, quiet: tuple[int, ...], loud: tuple[int, ...]
) -> None:
    times = AlertTimes(quiet_from=time(begin), quiet_until=time(end))
    zone = timezone.get_default_timezone()
    day = date(2027, 1, 10)
    found = {hour: is_quiet(times, datetime.combine(day, time(hour), zone)) for hour in range(24)}
    assert [found[hour] for hour in quiet] == [True] * len(quiet)
    assert [found[hour] for hour in loud] == [False] * len(loud)


@pytest.mark.parametrize("day", [date(2027, 3, 28), date(2027, 10, 31)])
def test_the_daily_mail_comes_once_on_days_of_23_and_25_hours(settings: Any, day: date) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    begin = datetime.combine(day, time(), UTC) - timedelta(hours=2)
    times = AlertTimes(daily_at=time(2, 30))
    moments = [last_daily(times, begin + timedelta(minutes=10 * n)) for n in range(24 * 6)]
    assert len(set(moments)) == 2
    assert moments == sorted(moments)


def test_one_click_ends_the_mails_of_a_kind_without_signing_in(everyday: Account) -> None:
    wants(everyday, "money_in", 0, mail="now")
    wants(everyday, "money_out", 0, mail="now")
    pay_in(everyday, 5)
    send_due()
    (sent,) = mail.outbox
    assert sent.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    visitor = Client(enforce_csrf_checks=True)
    link = link_in(sent)
    assert "Money in" in text_of(visitor.get(link))
    assert AlertChoice.objects.filter(mail="now").count() == 2  # a look changes nothing
    pay_in(everyday, 6)
    answer = visitor.post(
        link, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 200
    assert AlertChoice.objects.get(mail="now").kind == "money_out"
    again = text_of(visitor.get(link))
    assert "We had already stopped the mails" in again
    assert "Stop these mails" not in again
    assert send_due().sent == 0
    pay_in(everyday, 7)
    assert (send_due().sent, Alert.objects.count()) == (0, 3)


def test_one_click_in_a_daily_mail_ends_the_daily_mail_of_all_kinds(everyday: Account) -> None:
    for kind, how in (("money_in", "daily"), ("balance_below", "daily"), ("money_out", "now")):
        wants(everyday, kind, 1, mail=how)
    other = AccountFactory()
    wants(other, "money_in", 1, mail="daily")
    link = MailKind(everyday.user_id, "").url.removeprefix(SITE)
    client = Client()
    client.force_login(UserFactory())  # in somebody else's browser too
    assert "Stop these mails" in text_of(client.get(link))
    client.post(link)
    assert "Stop these mails" not in text_of(client.get(link))
    mine = AlertChoice.objects.owned_by(everyday.user)
    assert sorted(mine.values_list("mail", flat=True)) == ["now", "off", "off"]
    assert AlertChoice.objects.owned_by(other.user).get().mail == "daily"


@pytest.mark.parametrize("token", ["x", "WyJhIl0:1abc:xyz"])
def test_a_link_that_is_not_ours_is_not_found(client: Client, token: str) -> None:
    assert client.post(f"/alerts/mails/{token}/end/").status_code == 404


def test_without_the_sites_address_a_mail_has_no_link(everyday: Account, settings: Any) -> None:
    settings.LEDGER_URL = ""
    wants(everyday, "money_in", 0, mail="now")
    pay_in(everyday, 5)
    send_due()
    assert "List-Unsubscribe" not in mail.outbox[0].extra_headers
    assert not any(re.search(r"href|https?:", part) for part in parts(mail.outbox[0]))


def refuse(_mail: Any) -> None:
    raise MailNotSent("ConnectionRefusedError")


def test_a_mail_that_cannot_be_sent_is_tried_again_under_its_id(
    everyday: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    wants(everyday, "money_in", 0, mail="now")
    pay_in(everyday, 5)
    now = timezone.now()
    with monkeypatch.context() as patched:
        patched.setattr(EmailMultiAlternatives, "send", refuse)
        assert send_due(now).waiting == 1
    first = Alert.objects.get().mail_id
    assert send_due(now).sent == 0  # it waits
    assert send_due(now + timedelta(minutes=2)).sent == 1
    assert mail.outbox[0].extra_headers["Message-ID"].startswith(f"<{first}@")


def test_the_pauses_between_attempts_grow(
    everyday: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    wants(everyday, "money_in", 0, mail="now")
    pay_in(everyday, 5)
    monkeypatch.setattr(EmailMultiAlternatives, "send", refuse)
    now = timezone.now()
    tried = [minute for minute in range(60) if send_due(now + timedelta(minutes=minute)).waiting]
    assert tried == [0, 1, 6, 36]


def test_a_mail_that_its_reader_ends_after_a_worker_claimed_it_is_not_sent(
    everyday: Account,
) -> None:
    wants(everyday, "money_in", 0, mail="now")
    pay_in(everyday, 5)
    now = timezone.now()
    claimed = next(sending._due(now))
    end_mails(MailKind(everyday.user_id, "money_in"))
    assert sending._send(claimed, now) is None
    assert mail.outbox == []


def test_a_mail_is_given_up_after_three_days(
    everyday: Account, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wants(everyday, "money_in", 0, mail="now")
    now = timezone.now()
    pay_in(everyday, 5, at=now - timedelta(days=3, minutes=1))
    monkeypatch.setattr(EmailMultiAlternatives, "send", refuse)
    with caplog.at_level(logging.ERROR):
        send_due(now)
    assert Alert.objects.get().mail == "off"
    assert everyday.user.email not in caplog.text


def test_a_mail_server_that_is_down_is_not_asked_for_everybody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for account in AccountFactory.create_batch(8):
        wants(account, "money_in", 0, mail="now")
        pay_in(account, 5)
    monkeypatch.setattr(EmailMultiAlternatives, "send", refuse)
    assert send_due().waiting == sending.MAX_FAILURES


def test_mails_that_the_server_refuses_keep_no_other_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accounts = AccountFactory.create_batch(sending.MAX_FAILURES + 2)
    for account in accounts:
        wants(account, "money_in", 0, mail="now")
        pay_in(account, 5)
    taken = max(account.user_id for account in accounts)  # mails go by their owners' ids
    real = EmailMultiAlternatives.send

    def answer(sent: Any) -> Any:
        if User.objects.get(pk=taken).email in sent.to:
            return real(sent)
        raise MailRefused("SMTPRecipientsRefused")

    monkeypatch.setattr(EmailMultiAlternatives, "send", answer)
    found = send_due()
    assert (found.sent, found.waiting) == (1, sending.MAX_FAILURES + 1)


def test_a_server_that_answers_in_between_is_not_taken_to_be_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for account in AccountFactory.create_batch(2 * sending.MAX_FAILURES + 1):
        wants(account, "money_in", 0, mail="now")
        pay_in(account, 5)
    tried = list[None]()

    def every_other(_sent: Any) -> None:
        tried.append(None)
        if len(tried) % 2:
            raise MailNotSent("TimeoutError")

    monkeypatch.setattr(EmailMultiAlternatives, "send", every_other)
    send_due()
    assert len(tried) == 2 * sending.MAX_FAILURES + 1


def test_a_mail_that_cannot_be_made_keeps_no_other_waiting(
    everyday: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = list[User]()
    for account in (everyday, AccountFactory()):
        wants(account, "money_in", 0, mail="now")
        pay_in(account, 5)

    def fails_once(id: Any, kind: str, owner: User, *facts: Any) -> Any:
        tried.append(owner)
        return mail_of(id, kind, owner, *facts) if len(tried) > 1 else 1 / 0

    monkeypatch.setattr(sending, "mail_of", fails_once)
    now = timezone.now()
    with pytest.raises(ZeroDivisionError):
        send_due(now)
    assert [sent.to for sent in mail.outbox] == [[tried[1].email]]
    assert send_due(now + sending.LEASE).sent == 1


def test_a_worker_that_is_gone_leaves_its_mail_to_the_next(everyday: Account) -> None:
    """As after kill -9 between sending and marking; what came later is another mail."""
    wants(everyday, "money_in", 0, mail="now")
    alert, now = pay_in(everyday, 5), timezone.now()
    claimed = next(sending._due(now))
    later = pay_in(everyday, 6)
    assert send_due(now).sent == 1
    assert Alert.objects.get(mailed_at=None) == alert
    assert send_due(now + sending.LEASE).sent == 1
    ids = [sent.extra_headers["Message-ID"] for sent in mail.outbox]
    assert ids[1].startswith(f"<{claimed.id}@")
    assert later.pk != alert.pk


def test_what_came_after_a_worker_was_killed_is_not_in_its_mail(everyday: Account) -> None:
    """That mail may have left: a mail server drops a second one under its id, whatever is in it."""
    wants(everyday, "money_in", 0, mail="now")
    pay_in(everyday, 5)
    now = timezone.now()
    claimed = next(sending._due(now))
    pay_in(everyday, 6)
    assert send_due(now + sending.LEASE).sent == 2
    assert [sent.subject[:8] for sent in mail.outbox] == ["5.00 USD", "6.00 USD"]
    ids = [str(claimed.id) in sent.extra_headers["Message-ID"] for sent in mail.outbox]
    assert ids == [True, False]


def test_who_has_left_gets_no_mail(everyday: Account) -> None:
    wants(everyday, "money_in", 0, mail="now")
    pay_in(everyday, 5)
    everyday.user.deleted_at = timezone.now()
    everyday.user.save()
    assert send_due().sent == 0


def test_times_are_chosen_on_their_page(client: Client, everyday: Account) -> None:
    client.force_login(everyday.user)
    url = "/alerts/settings/times/"
    page = client.post(url, {"daily_at": "09:30", "quiet_from": "22:00", "quiet_until": "06:30"})
    assert page.status_code == 302
    assert "We do not send mails from 22:00 until 06:30" in text_of(client.get("/alerts/settings/"))
    for wrong in (
        {"daily_at": "", "quiet_from": "", "quiet_until": ""},
        {"daily_at": "09:30", "quiet_from": "22:00", "quiet_until": ""},
        {"daily_at": "09:30", "quiet_from": "22:00", "quiet_until": "22:00"},
        {"daily_at": "99:99", "quiet_from": "", "quiet_until": ""},
    ):
        assert client.post(url, wrong).status_code == 200
    assert AlertTimes.objects.get().quiet_until == time(6, 30)
    client.post(url, {"daily_at": "09:30", "quiet_from": "", "quiet_until": ""})
    assert AlertTimes.objects.get().quiet_from is None


def test_who_is_paid_while_a_mail_is_sent_keeps_the_worker_for_one_more(
    everyday: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has other people and other jobs, too."""
    wants(everyday, "money_in", 0, mail="now")
    send = EmailMultiAlternatives.send

    def paid_meanwhile(message: Any, *arguments: Any) -> int:
        assert len(mail.outbox) < 10
        services.deposit(to_account=everyday, amount=Decimal(1))
        return send(message, *arguments)

    monkeypatch.setattr(EmailMultiAlternatives, "send", paid_meanwhile)
    pay_in(everyday, 1)
    assert send_due().sent == 2
