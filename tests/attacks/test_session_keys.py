"""Nobody can give another person a session, and each confirmation changes the session's key."""

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.test import Client

from accounts.models import WebSession
from tests.attacks.sessions import PASSWORD, key_of, person
from tests.conftest import signed_in
from tests.sign_in import (
    SECRET,
    add_app,
    code_of,
    is_signed_in,
    prove_factor,
)

pytestmark = pytest.mark.django_db
LOGIN = "/account/login/"


def test_the_table_has_no_key_that_opens_a_session() -> None:
    client = signed_in(person())
    (row,) = WebSession.objects.all()
    assert key_of(client) not in (row.pk, row.session_data)
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = row.pk
    assert not is_signed_in(thief)


def test_a_session_given_before_the_sign_in_is_worth_nothing_after_it() -> None:
    """Session fixation: an attacker who planted the cookie does not get the session."""
    person()
    victim = Client()
    victim.get("/account/signup/")
    session = victim.session
    session["planted"] = "yes"
    session.save()
    victim.cookies[settings.SESSION_COOKIE_NAME] = planted = str(session.session_key)
    victim.post(LOGIN, {"login": "ana@example.com", "password": PASSWORD})
    assert is_signed_in(victim)
    assert key_of(victim) != planted
    attacker = Client()
    attacker.cookies[settings.SESSION_COOKIE_NAME] = planted
    assert not is_signed_in(attacker)


def test_the_cookie_ends_with_the_browser_whatever_the_form_says() -> None:
    person()
    client = Client()
    client.post(LOGIN, {"login": "ana@example.com", "password": PASSWORD, "remember": "on"})
    assert is_signed_in(client)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    assert (cookie["max-age"], cookie["expires"]) == ("", "")


def test_a_key_that_the_server_did_not_make_is_not_taken() -> None:
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
    person()
    client.post(LOGIN, {"login": "ana@example.com", "password": PASSWORD})
    assert key_of(client) != "a" * 32


def test_a_step_up_gives_the_session_another_key() -> None:
    client = signed_in(person())
    before = key_of(client)
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    assert key_of(client) != before
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = before
    assert not is_signed_in(thief)


def test_a_second_factor_gives_the_session_another_key_at_each_step() -> None:
    user = person()
    add_app(user)
    client = Client()
    client.post(LOGIN, {"login": user.email, "password": PASSWORD})
    halfway = key_of(client)
    assert not is_signed_in(client)
    client.post("/account/2fa/authenticate/", {"code": code_of(SECRET)})
    assert is_signed_in(client)
    assert key_of(client) != halfway


@pytest.mark.django_db(transaction=True)  # allauth sends its signal after the commit
def test_an_added_factor_gives_the_session_another_key() -> None:
    user = person()
    client = signed_in(user)
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    before = key_of(client)
    secret = client.get("/account/2fa/totp/activate/").context["form"].secret
    client.post("/account/2fa/totp/activate/", {"code": code_of(secret)})
    assert Authenticator.objects.filter(user=user).exists()
    assert key_of(client) != before
    assert is_signed_in(client)


def test_a_removed_factor_gives_the_session_another_key() -> None:
    user = person()
    client = signed_in(user)
    prove_factor(client, add_app(user))
    before = key_of(client)
    client.post("/account/2fa/totp/deactivate/")
    assert key_of(client) != before
    assert is_signed_in(client)
