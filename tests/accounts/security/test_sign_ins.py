"""Where a person is signed in, recent sign-ins, and the mail about a new device."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.test import Client

from accounts import services
from accounts.models import SignIn, User, WebSession
from accounts.sign_in.session_store import SessionStore, digest_of
from tests.factories import UserFactory
from tests.pages import text_of, texts_of
from tests.passkeys import add_passkey
from tests.security_events import security_events
from tests.sign_in import let_pass, mailed_code, sign_up, verify_address

pytestmark = pytest.mark.django_db
PASSWORD = "seven blue lamps at dusk"
PAGE, LOGIN = "/account/security/", "/account/login/"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def ana() -> User:
    user: User = UserFactory(email="ana@example.com", password=PASSWORD, name="Ana")
    verify_address(user)
    return user


def sign_in(client: Client, password: str = PASSWORD, agent: str = FIREFOX) -> Any:
    form = {"login": "ana@example.com", "password": password}
    return client.post(LOGIN, form, headers={"user-agent": agent})


def shown(page: Any, what: str) -> Any:
    """The list of this name in the section of the page that has it."""
    facts = [section["facts"] or {} for section in page.context["sections"]]
    return next(found[what] for found in facts if what in found)


def test_the_page_lists_each_device_and_signs_one_out(client: Client, ana: User) -> None:
    phone = Client()
    sign_in(client)
    sign_in(phone, agent=SAFARI)
    page = client.get(PAGE)
    said = text_of(page)
    assert "Firefox on Windows this device" in said
    assert "Safari on an iPhone or iPad" in said
    assert "Signed in from this computer" in said
    other = next(one for one in shown(page, "sessions")
                 if not one.is_current)  # fmt: skip
    done = client.post("/account/security/sessions/end/", {"session": other.id}, follow=True)
    assert "That device is signed out" in text_of(done)
    assert phone.get("/").status_code == 302
    assert client.get("/").status_code == 200


@pytest.mark.parametrize("which", ["end", "end-others"])
def test_signing_a_device_out_needs_a_fresh_proof(client: Client, ana: User, which: str) -> None:
    """Whoever finds a session open does not sign its owner out of the others."""
    phone = Client()
    sign_in(phone, agent=SAFARI)
    sign_in(client)
    let_pass(client, minutes=5.1)
    form = {
        "session": WebSession.objects.exclude(pk=digest_of(client.session.session_key or ""))
        .get()
        .pk
    }
    url = f"/account/security/sessions/{which}/"
    asked = client.post(url, form)
    assert asked.headers["Location"] == "/account/reauthenticate/?next=%2Faccount%2Fsecurity%2F"
    assert "press the button again" in text_of(client.get(asked.headers["Location"]))
    assert phone.get("/").status_code == 200
    done = client.post("/account/reauthenticate/", {"password": PASSWORD, "next": PAGE})
    assert done.headers["Location"] == PAGE
    client.post(url, form)
    assert phone.get("/").status_code == 302


def test_nobody_ends_a_session_of_somebody_else(client: Client, ana: User) -> None:
    sign_in(client)
    stranger = Client()
    stranger.force_login(UserFactory())
    theirs = WebSession.objects.get(user=ana).pk
    stranger.post("/account/security/sessions/end/", {"session": theirs})
    stranger.post("/account/security/sessions/end-others/")
    assert client.get("/").status_code == 200


def test_signing_out_everywhere_else_keeps_this_device_alone(client: Client, ana: User) -> None:
    others = [Client(), Client()]
    for each in (client, *others):
        sign_in(each)
    with security_events() as events:
        client.post("/account/security/sessions/end-others/")
    assert [each.get("/").status_code for each in (client, *others)] == [200, 302, 302]
    (line,) = events.named("session.ended")
    assert (line["reason"], line["sessions"]) == ("by_person", 2)
    assert "Sign out everywhere else" not in text_of(client.get(PAGE))


def sign_out_elsewhere(client: Client, _user: User) -> None:
    client.post("/account/security/sessions/end-others/")


def sign_out_one(client: Client, _user: User) -> None:
    (theirs,) = [each.id for each in shown(client.get(PAGE), "sessions") if not each.is_current]
    client.post("/account/security/sessions/end/", {"session": theirs})


def change_password(client: Client, _user: User) -> None:
    new = "another lamp at the quay"
    form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    client.post("/account/password/change/", form)


def sign_out_by_staff(_client: Client, user: User) -> None:
    services.sign_out_everywhere(user=user)


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (sign_out_elsewhere, "from another of your devices"),
        (sign_out_one, "from another of your devices"),
        (change_password, "password was changed"),
        (sign_out_by_staff, "The bank has signed you out"),
    ],
)
def test_a_session_ended_from_elsewhere_says_once_why(
    client: Client, ana: User, end: Callable[[Client, User], None], why: str
) -> None:
    other = Client()
    sign_in(client)
    sign_in(other)
    end(client, ana)
    page = text_of(other.get("/", follow=True))
    assert why in page
    assert "Sign in" in page
    assert why not in text_of(other.get(LOGIN))


def test_a_request_under_way_does_not_revive_a_session_that_is_ended(
    client: Client, ana: User
) -> None:
    sign_in(client)
    under_way = SessionStore(client.session.session_key)
    assert under_way.keys()
    services.sign_out_everywhere(user=ana)
    under_way["typed"] = "something"
    with pytest.raises(UpdateError):
        under_way.save()
    assert client.get("/").status_code == 302


def test_sessions_are_ended_by_post_alone(client: Client, ana: User) -> None:
    sign_in(client)
    assert client.get("/account/security/sessions/end/").status_code == 405
    assert client.get("/account/security/sessions/end-others/").status_code == 405


def test_a_session_that_no_longer_opens_a_page_is_not_listed(client: Client, ana: User) -> None:
    elsewhere = Client()
    sign_in(elsewhere)
    User.objects.filter(pk=ana.pk).update(is_staff=True)
    sign_in(client)
    assert len(shown(client.get(PAGE), "sessions")) == 1


def test_recent_sign_ins_show_refused_ones_too(client: Client, ana: User) -> None:
    sign_in(Client(), password="some wrong words", agent=SAFARI)
    sign_in(client)
    page = client.get(PAGE)
    rows = shown(page, "rows")
    assert [(row["refused"], row["device"]) for row in rows] == [
        (False, "Firefox on Windows"),
        (True, "Safari on an iPhone or iPad"),
    ]
    assert "Wrong password or code" in " ".join(texts_of(page, "factor"))


def test_wrong_passwords_of_strangers_do_not_push_the_sign_ins_out(
    client: Client, ana: User
) -> None:
    sign_in(client)
    for n in range(12):
        sign_in(Client(REMOTE_ADDR=f"203.0.113.{n}"), password="some wrong words")
    rows = shown(client.get(PAGE), "rows")
    assert [row["refused"] for row in rows] == [True] * 5 + [False]


def test_nobody_sees_sign_ins_of_somebody_else(client: Client, ana: User) -> None:
    sign_in(client)
    stranger = Client()
    stranger.force_login(UserFactory())
    assert shown(stranger.get(PAGE), "rows") == []


def test_an_unknown_address_is_noted_without_a_person(client: Client) -> None:
    client.post(LOGIN, {"login": "nobody@example.com", "password": PASSWORD})
    assert SignIn.objects.get().user is None


def test_a_mail_tells_of_a_new_device_and_not_of_a_known_one(
    client: Client, ana: User, mailoutbox: list[Any]
) -> None:
    sign_in(client)
    assert mailoutbox == []  # nothing to compare the first sign-in with
    client.post("/account/logout/")
    sign_in(client)
    assert mailoutbox == []
    sign_in(Client(), agent=SAFARI)
    (told,) = mailoutbox
    assert told.to == ["ana@example.com"]
    assert "Safari on an iPhone or iPad, this computer" in told.body


def test_a_new_password_makes_every_device_new(
    client: Client, ana: User, mailoutbox: list[Any]
) -> None:
    sign_in(client)
    ana.set_password("another lamp at the quay")
    ana.save()
    client.post(LOGIN, {"login": ana.email, "password": "another lamp at the quay"})
    assert [mail.to for mail in mailoutbox] == [[ana.email]]


def test_a_device_of_somebody_else_is_a_new_one(
    client: Client, ana: User, mailoutbox: list[Any]
) -> None:
    sign_in(Client())
    cookie = "device"
    other = UserFactory(email="ben@example.com", password=PASSWORD)
    verify_address(other)
    client.post(LOGIN, {"login": other.email, "password": PASSWORD})
    assert client.cookies[cookie]["httponly"]
    client.post("/account/logout/")
    sign_in(client)
    assert [mail.to for mail in mailoutbox] == [["ana@example.com"]]


def test_a_forged_device_cookie_is_not_taken(
    client: Client, ana: User, mailoutbox: list[Any]
) -> None:
    sign_in(Client())
    client.cookies["device"] = "eyJhIjoiYiJ9:forged:signature"
    assert sign_in(client).status_code == 302
    assert len(mailoutbox) == 1


def test_signing_up_says_so(client: Client) -> None:
    sign_up(client)
    client.post("/account/confirm-email/", {"code": mailed_code()})
    assert SignIn.objects.get().method == "sign_up"
    assert "by signing up" in text_of(client.get(PAGE))


def test_a_sign_in_by_passkey_says_so(client: Client, ana: User) -> None:
    passkey, url = add_passkey(ana), "/account/2fa/webauthn/login/"
    options = client.get(url, headers={"accept": "application/json"}).json()
    challenge = options["request_options"]["publicKey"]["challenge"]
    client.post(url, {"credential": passkey.sign(challenge)})
    assert SignIn.objects.get(user=ana).method == "passkey"
    assert "by passkey" in text_of(client.get(PAGE))
