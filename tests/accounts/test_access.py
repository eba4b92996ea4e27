"""Signing up and in, passwords, addresses: what is said on the pages and in the mails."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core import mail
from django.core.cache import cache
from django.test import Client, override_settings

from accounts.models import User
from accounts.sign_in.addresses import mailed_name
from accounts.sign_in.passwords import help_for
from tests.factories import PASSWORD, AccountFactory, UserFactory
from tests.pages import text_of
from tests.sign_in import verify_address
from transactions.demo.context import CONSOLE

pytestmark = pytest.mark.django_db
HOST = {"host": "host.example"}
CHANGE, RESET = "/account/password/change/", "/account/password/reset/"
SIGN_UP = {
    "name": "Ana O'Neill & Co",
    "email": "ana@example.com",
    "password1": "long-enough-words",
    "password2": "long-enough-words",
}


@pytest.fixture(autouse=True)
def no_rate_limits_left_over() -> None:
    cache.clear()


def mailed(work: Callable[[], object]) -> Any:
    """The mail that `work` sends, by a host that no mail may take for a name."""
    mail.outbox.clear()
    with override_settings(ALLOWED_HOSTS=["host.example"]):
        work()
    (found,) = mail.outbox
    assert str(found.body).startswith("Hello")
    assert str(found.body).endswith("\n\nLedger")
    assert "host.example" not in found.subject + re.sub(r"http://\S+", "", str(found.body))
    return found


def test_the_mail_after_signing_up_is_in_our_words(client: Client) -> None:
    found = mailed(lambda: client.post("/account/signup/", SIGN_UP, headers=HOST))
    assert found.subject == "Confirm your email address"
    assert found.body.startswith("Hello,\n")  # whoever signed up may have written the name
    assert "Welcome" in found.body
    assert re.search(r"signed up:\n\n\S+\n\n", found.body)


@pytest.mark.parametrize(
    ("name", "mailed"),
    [
        ("J. R. O'Neill & Co", "J. R. O'Neill & Co"),
        ("Win at evil.example", ""),
        *((f"Win at evil{dot}example", "") for dot in "\u3002\uff0e\uff61\u2024\ufe52"),
        ("https\uff1a evil", ""),
        ("Win at evil\uff0fexample", ""),
        ("\u5c71\u7530\u3002", "\u5c71\u7530\u3002"),
    ],
)
def test_a_name_like_a_link_is_not_mailed(name: str, mailed: str) -> None:
    assert mailed_name(UserFactory(name=name)) == mailed


def test_a_mail_about_a_forgotten_password_names_nobody_but_its_reader(client: Client) -> None:
    """Not even whoever is signed in where the link was asked for."""
    client.force_login(UserFactory(name="Zoe"))
    ana = UserFactory(email="ana@example.com", name="Ana")
    verify_address(ana)
    known = mailed(lambda: client.post(RESET, {"email": "ana@example.com"}, headers=HOST))
    unknown = mailed(lambda: client.post(RESET, {"email": "nobody@example.com"}, headers=HOST))
    assert known.subject == "Choose a new password"
    assert known.body.startswith("Hello Ana,\n")
    assert unknown.subject.startswith("Nobody signs in")
    assert unknown.body.startswith("Hello,\n")
    assert "http://host.example/account/signup/" in unknown.body


def test_a_link_that_has_been_used_leads_to_the_sign_in(client: Client) -> None:
    UserFactory(email="ana@example.com", name="Ana")
    client.post(RESET, {"email": "ana@example.com"})
    (link,) = re.findall(r"/account/password/reset/key/\S+", str(mail.outbox[0].body))
    shown = client.get(link, follow=True)
    new = "seven-quiet-harbours"
    form = {"password1": new, "password2": new}
    done = client.post(shown.request["PATH_INFO"], form, follow=True)
    assert text_of(done).count("Your password is changed") == 1
    page = Client().get(link, follow=True)
    assert "has not changed" not in text_of(page)
    assert 'href="/account/login/"' in page.content.decode().split("<main", 1)[1]


def test_a_changed_password_leads_home_and_is_mailed(client: Client) -> None:
    user = UserFactory(email="ana@example.com", password=PASSWORD, name="Ana")
    verify_address(user)
    client.force_login(user)
    page = text_of(client.get(CHANGE))
    for said in ("Current password", "New password, again", help_for(None)):
        assert said in page
    new = "quiet river banks"
    form = {"oldpassword": "wrong", "password1": new, "password2": new}
    assert client.post(CHANGE, form).context["form"].errors["oldpassword"]
    form["oldpassword"] = PASSWORD
    found = mailed(lambda: client.post(CHANGE, form, headers=HOST))
    assert found.body.startswith("Hello Ana,\n")
    assert "password was changed" in found.body
    response = client.post(CHANGE, {**form, "oldpassword": new}, follow=True)
    assert response.redirect_chain[-1][0] == "/"
    assert "Your password is changed." in text_of(response)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"action_remove": ""}, "The address second@example.com was removed"),
        ({"action_primary": ""}, "changed from ana@example.com to second@example.com"),
    ],
)
def test_a_change_of_addresses_is_mailed(client: Client, change: dict[str, str], said: str) -> None:
    user = UserFactory(email="ana@example.com", name="Ana")
    verify_address(user)
    EmailAddress.objects.create(user=user, email="second@example.com", verified=True)
    client.force_login(user)
    form = {**change, "email": "second@example.com"}
    found = mailed(lambda: client.post("/account/email/", form, headers=HOST))
    assert found.to == ["ana@example.com"]
    assert found.body.startswith("Hello Ana,")
    assert said in found.body


def test_a_change_of_address_ends_all_other_sessions(client: Client) -> None:
    user = UserFactory(email="ana@example.com")
    for email in ("ana@example.com", "second@example.com"):
        EmailAddress.objects.create(
            user=user, email=email, primary=email == user.email, verified=True
        )
    elsewhere = Client()
    for each in (client, elsewhere):
        each.force_login(user)

    client.post("/account/email/", {"action_primary": "", "email": "second@example.com"})

    user.refresh_from_db()
    assert user.email == "second@example.com"
    assert client.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 302


def test_signing_up_with_a_password_like_the_name(client: Client) -> None:
    form = SIGN_UP | {"name": "Zdenka Okonjo"}
    form |= {"password1": "zdenka-okonjo-1990", "password2": "zdenka-okonjo-1990"}
    said = text_of(client.post("/account/signup/", form))
    assert "your name or your address" in said
    assert help_for(None) in said


@pytest.mark.parametrize(("hours", "is_open"), [(23, True), (25, False)])
def test_the_link_to_a_new_password_is_valid_for_a_day(
    client: Client, monkeypatch: pytest.MonkeyPatch, hours: int, is_open: bool
) -> None:
    user = UserFactory(password=PASSWORD)
    client.post(RESET, {"email": user.email})
    (link,) = re.findall(r"/account/password/reset/key/\S+", str(mail.outbox[0].body))
    now, later = PasswordResetTokenGenerator._now, timedelta(hours=hours)
    monkeypatch.setattr(PasswordResetTokenGenerator, "_now", lambda self: now(self) + later)
    page = client.get(link, follow=True)
    assert bool(page.context.get("token_fail")) is not is_open


@pytest.mark.parametrize(("verified", "page"), [(True, "/"), (False, "/account/confirm-email/")])
def test_signing_in_with_any_address_of_ones_own(client: Client, verified: bool, page: str) -> None:
    user = UserFactory(email="ana@example.com", password=PASSWORD)
    verify_address(user)
    EmailAddress.objects.create(user=user, email="second@example.com", verified=verified)
    form = {"login": "second@example.com", "password": PASSWORD}
    assert client.post("/account/login/", form).headers["Location"] == page


@pytest.mark.parametrize("demo", [True, False])
def test_a_demo_says_where_its_mail_is(client: Client, demo: bool) -> None:
    mine = AccountFactory(user__email="ana@example.com").user
    client.force_login(mine)
    with override_settings(LEDGER_DEMO=demo, EMAIL_BACKEND=CONSOLE):
        pages = [
            client.get("/account/password/reset/done/"),
            client.get("/account/email/"),
            client.post("/account/email/", {"action_send": "", "email": mine.email}, follow=True),
            Client().post("/account/login/code/", {"email": mine.email}, follow=True),
            Client().post("/account/signup/", SIGN_UP | {"email": "new@example.com"}, follow=True),
        ]
    for page in pages:
        assert ("printed in the terminal" in text_of(page)) == demo


@pytest.mark.parametrize("name", ["\u0410na Ferreira", "Ana F\u0435rreira", "Mar\u0391"])
def test_nobody_signs_up_with_letters_that_look_like_others(client: Client, name: str) -> None:
    page = client.post("/account/signup/", {**SIGN_UP, "name": name})
    assert "name" in page.context["form"].errors
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "name",
    [
        "\u0410\u043d\u043d\u0430 Petrova",
        "Zo\u00eb \u0141\u00f3d\u017a",
        "\u0391\u03bd\u03bd\u03b1",
        "\u5c71\u7530 Taro",
        "R2-D2 & Co",
    ],
)
def test_a_name_may_be_in_any_alphabet(client: Client, name: str) -> None:
    client.post("/account/signup/", {**SIGN_UP, "name": name})
    assert User.objects.get().name == name


def test_the_address_of_other_django_projects_leads_to_the_sign_in(client: Client) -> None:
    answer = client.get("/accounts/login/?next=/alerts/")
    assert answer.headers["Location"] == "/account/login/?next=/alerts/"
