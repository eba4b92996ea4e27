"""Codes from mails: what a wrong one is answered, until it no longer counts; and what ends half a
sign-in."""

import re
import time
from types import SimpleNamespace

import pytest
from allauth.account.internal.flows import code_verification
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.test import Client, RequestFactory

from accounts.models import SignIn, User
from accounts.security import confirm_address
from accounts.sign_in import limits
from accounts.sign_in.mailed_codes import MAILS
from tests.factories import PASSWORD, UserFactory
from tests.pages import text_of
from tests.security_events import security_events
from tests.sign_in import NINA, add_app, is_signed_in, mailed_code, prove, sign_up, verify_address

pytestmark = pytest.mark.django_db
SIGN_UP, CONFIRM = "/account/signup/", "/account/confirm-email/"
ASK, SIGN_IN = "/account/login/code/", "/account/login/code/confirm/"


@pytest.fixture(autouse=True)
def no_rate_limits_left_over() -> None:
    cache.clear()


@pytest.fixture
def ana() -> User:
    ana: User = UserFactory(email="ana@example.com", password=PASSWORD)
    verify_address(ana)
    return ana


def attempts_left(client: Client, url: str) -> list[str]:
    """What each of two wrong codes is answered."""
    pages = [text_of(client.post(url, {"code": "WRONG1"})) for _ in range(2)]
    return [found[0] for page in pages if (found := re.findall(r"\d attempts? left", page))]


@pytest.mark.parametrize("way", ["sign-up", "sign-in code", "further address"])
@pytest.mark.parametrize(("minutes", "is_good"), [(9.9, True), (10.1, False)])
def test_a_code_from_a_mail_is_good_for_ten_minutes(
    client: Client,
    ana: User,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    minutes: float,
    is_good: bool,
) -> None:
    if way == "sign-up":
        sign_up(client)
    elif way == "sign-in code":
        client.post(ASK, {"email": ana.email})
    else:
        client.force_login(ana)
        client.post("/account/email/", {"action_add": "", "email": "second@example.com"})
    later = time.time() + 60 * minutes
    monkeypatch.setattr(code_verification, "time", SimpleNamespace(time=lambda: later))
    client.post(SIGN_IN if way == "sign-in code" else CONFIRM, {"code": mailed_code()})
    if way == "further address":
        found = EmailAddress.objects.filter(email="second@example.com", verified=True).exists()
    else:
        found = is_signed_in(client)
    assert found == is_good


def test_signing_up_tells_how_many_attempts_are_left(client: Client) -> None:
    sign_up(client)
    assert attempts_left(client, CONFIRM) == ["2 attempts left", "1 attempt left"]
    client.post(CONFIRM, {"code": mailed_code()})
    assert client.get("/").status_code == 200


def test_after_the_last_attempt_the_page_says_how_to_get_a_new_code(client: Client) -> None:
    sign_up(client)
    attempts_left(client, CONFIRM)
    code = mailed_code()
    last = client.post(CONFIRM, {"code": "WRONG1"}, follow=True)
    assert "Request a new code" in text_of(last)
    assert "Send me a sign-in code" in text_of(last)
    client.post(CONFIRM, {"code": code})
    assert client.get("/").status_code == 302


def test_a_sign_up_that_got_no_mail_asks_for_another_and_keeps_what_was_typed(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = client.get(sign_up(client).headers["Location"])
    assert 'name="action" value="resend"' in page.content.decode()
    earlier = mailed_code()
    later = time.time() + 9 * 60
    for module in (code_verification, confirm_address):
        monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: later))
    page = client.post(CONFIRM, {"action": "resend"}, follow=True)
    assert "another mail to nina@example.com" in text_of(page)
    assert len(mail.outbox) == 2
    later += 9 * 60  # the new code is good for ten minutes of its own
    client.post(CONFIRM, {"code": earlier})
    assert not is_signed_in(client)
    client.post(CONFIRM, {"code": mailed_code()})
    assert is_signed_in(client)
    assert User.objects.get().check_password(NINA["password1"])


def test_another_mail_is_sent_twice_and_gives_no_further_attempts(client: Client) -> None:
    sign_up(client)
    attempts_left(client, CONFIRM)
    for _ in range(2):
        page = client.post(CONFIRM, {"action": "resend"}, follow=True)
    assert len(mail.outbox) == 3
    assert "Send another email" not in text_of(page)
    assert "Send a sign-in code" in text_of(page)
    client.post(CONFIRM, {"code": "WRONG1"})
    client.post(CONFIRM, {"code": mailed_code()})
    assert not is_signed_in(client)


def test_a_mail_that_the_limit_held_back_leaves_the_earlier_code_good(ana: User) -> None:
    for _ in range(MAILS.amount):
        client = Client()
        client.force_login(ana)
        prove(client, ana)
        client.post("/account/email/", {"action_add": "", "email": "second@example.com"})
    client.post(CONFIRM, {"action": "resend"})
    assert len(mail.outbox) == MAILS.amount
    client.post(CONFIRM, {"code": mailed_code()})
    assert EmailAddress.objects.get(email="second@example.com").verified


def test_a_sign_in_code_tells_how_many_attempts_are_left(client: Client, ana: User) -> None:
    client.post(ASK, {"email": ana.email})
    assert attempts_left(client, SIGN_IN) == ["2 attempts left", "1 attempt left"]
    last = client.post(SIGN_IN, {"code": "WRONG1"}, follow=True)
    assert "no longer valid" in text_of(last)


def test_the_sign_in_form_sends_a_code_to_the_address_typed_there(
    client: Client, ana: User
) -> None:
    page = client.get("/account/login/?next=/accounts/").content.decode()
    (button,) = re.findall(r"<button [^>]*formaction=[^>]*>", page)
    assert 'form="sign-in"' in button
    (url,) = re.findall(r'formaction="([^"]+)"', button)
    empty = client.post(url, {"login": " ", "password": "", "next": "/accounts/"})
    assert empty.context["form"].errors == {}
    assert not mail.outbox
    client.post(url, {"login": ana.email, "password": "", "next": "/accounts/"})
    done = client.post(SIGN_IN, {"code": mailed_code(), "next": "/accounts/"})
    assert done.headers["Location"] == "/accounts/"


def test_a_further_address_tells_how_many_attempts_are_left(client: Client, ana: User) -> None:
    client.force_login(ana)
    client.post("/account/email/", {"action_add": "", "email": "second@example.com"})
    assert attempts_left(client, CONFIRM) == ["2 attempts left", "1 attempt left"]


@pytest.mark.parametrize("count", [19, 20])
def test_nobody_adds_more_than_20_addresses(count: int, client: Client, ana: User) -> None:
    EmailAddress.objects.bulk_create(
        EmailAddress(user=ana, email=f"ana{number}@example.com") for number in range(count - 1)
    )
    client.force_login(ana)
    client.post("/account/email/", {"action_add": "", "email": "further@example.com"})
    assert len(mail.outbox) == (count < 20)


def test_a_password_that_is_refused_and_not_repeated_is_told_both(client: Client) -> None:
    form = sign_up(client, password1="short", password2="short2").context["form"]
    assert set(form.errors) == {"password1", "password2"}
    assert form.errors["password2"] == ["You must type the same password each time."]
    form = sign_up(client, password1="short", password2="short").context["form"]
    assert set(form.errors) == {"password1"}
    form = sign_up(client, password2="eight-quiet-harbours").context["form"]
    assert form.errors == {"password2": ["You must type the same password each time."]}


def test_whoever_mistyped_the_address_signs_up_with_another(client: Client) -> None:
    page = client.get(sign_up(client, email="nina@exmaple.com").headers["Location"])
    cancel = f'action="/account/logout/">.*?name="next" value="{SIGN_UP}"'
    assert re.search(cancel, page.content.decode(), re.DOTALL)
    again = client.post("/account/logout/", {"next": SIGN_UP}, follow=True)
    assert again.redirect_chain == [(SIGN_UP, 302)]
    sign_up(client)
    client.post(CONFIRM, {"code": mailed_code()})
    assert client.get("/").status_code == 200


def test_a_further_address_that_is_confirmed_leads_to_the_addresses(
    client: Client, ana: User
) -> None:
    client.force_login(ana)
    client.post("/account/email/", {"action_add": "", "email": "second@example.com"})
    done = client.post(CONFIRM, {"code": mailed_code()})
    assert done.headers["Location"] == "/account/email/"


@pytest.mark.parametrize("way", ["second factor", "sign-in code", "sign-up"])
def test_half_a_sign_in_offers_no_other_one_but_ends(client: Client, ana: User, way: str) -> None:
    if way == "second factor":
        add_app(ana)
        page = client.post(
            "/account/login/", {"login": ana.email, "password": PASSWORD}, follow=True
        )
    elif way == "sign-in code":
        page = client.post(ASK, {"email": ana.email}, follow=True)
    else:
        page = client.get(sign_up(client).headers["Location"])
    head, main = page.content.decode().split("<main", 1)
    assert "/account/login/" not in head
    assert "/account/signup/" not in head
    assert 'action="/account/logout/"' in main
    client.post("/account/logout/", {"next": "/account/login/"})
    assert client.get("/account/login/").status_code == 200


def test_wrong_codes_stand_in_the_log_and_in_the_list_of_their_person(
    client: Client, ana: User
) -> None:
    client.post(ASK, {"email": ana.email})
    with security_events() as events:
        client.post(SIGN_IN, {"code": "WRONG1"})
    (line,) = events.named("sign_in")
    assert (line["outcome"], line["person"], line["method"]) == ("refused", str(ana.pk), "code")
    for n in range(31):
        limits.begin(RequestFactory().post(SIGN_IN), door="mail_code", account=str(n))
    with security_events() as events:
        client.post(SIGN_IN, {"code": "WRONG1"})
    assert events.named("sign_in")[0]["outcome"] == "limited"
    outcomes = SignIn.objects.filter(user=ana, method="code").values_list("outcome", flat=True)
    assert sorted(outcomes) == ["limited", "refused"]
