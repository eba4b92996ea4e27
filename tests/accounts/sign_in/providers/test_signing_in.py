"""Signing in, signing up and connecting through an identity provider."""

import re
from dataclasses import replace

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth import get_user
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts import services
from accounts.models import User
from accounts.sign_in.providers.openid import OpenIDProvider
from tests.factories import PASSWORD, UserFactory
from tests.identity_provider import (
    ANA,
    BACK,
    CONNECTIONS,
    GO,
    NAMELESS,
    NINA,
    UNSURE,
    There,
    connect,
    connected,
    is_signed_in,
    person_here,
)
from tests.pages import text_of
from tests.security_events import security_events
from tests.sign_in import let_pass

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_rate_limits_left_over() -> None:
    cache.clear()


def test_without_a_provider_there_is_no_trace_of_one(client: Client) -> None:
    assert GO not in client.get("/account/login/").content.decode()
    client.force_login(person_here(ANA))
    assert "Connected providers" not in text_of(client.get("/account/security/"))
    for path in (GO, BACK, CONNECTIONS):
        assert client.get(path).status_code == 404


def test_a_new_person_signs_up_with_name_and_confirmed_address(
    client: Client, there: There
) -> None:
    response = there.sign_in(client, NINA)

    assert response["Location"] == "/"
    user = User.objects.get(email=NINA.email)
    assert get_user(client) == user
    assert (user.name, user.has_usable_password(), user.is_staff) == ("Nina Novak", False, False)
    assert EmailAddress.objects.get(user=user).verified
    assert not user.groups.exists()


def test_the_second_time_signs_in_the_same_person(client: Client, there: There) -> None:
    there.sign_in(client, NINA)
    client.post("/account/logout/")

    there.know(replace(NINA, email="new-address@example.com", name="Nina Married"))
    there.sign_in(client, NINA)

    assert get_user(client) == User.objects.get()
    assert User.objects.get().email == NINA.email


def test_what_is_stored_is_who_it_is_and_nothing_else(client: Client, there: There) -> None:
    there.sign_in(client, NINA)
    (row,) = SocialAccount.objects.all()
    assert row.extra_data == {
        "iss": there.provider.issuer,
        "sub": NINA.subject,
        "email": NINA.email,
    }
    assert NINA.subject not in row.uid


def test_another_issuer_with_the_same_subject_is_somebody_else(
    client: Client, there: There
) -> None:
    there.sign_in(client, NINA)
    SocialAccount.objects.update(uid="0" * 64)  # as the same subject of another issuer
    response = there.sign_in(Client(), NINA)
    assert response.status_code == 403
    assert "This address is already registered" in text_of(response)


def test_claims_may_come_from_userinfo(client: Client, there: There) -> None:
    there.sign_in(client, NINA, "claims in userinfo")
    assert get_user(client) == User.objects.get(email=NINA.email)


def test_sign_up_can_be_closed(client: Client, there: There) -> None:
    there.configure(allows_sign_up=False)
    response = there.sign_in(client, NINA)
    assert response.status_code == 403
    assert "not connected to a user of Ledger" in text_of(response)
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("person", "said"),
    [(UNSURE, "has not confirmed your address"), (NAMELESS, "did not send a name that we can use")],
)
def test_nobody_signs_up_without(client: Client, there: There, person: object, said: str) -> None:
    response = there.sign_in(client, person)  # type: ignore[arg-type]
    assert response.status_code == 403
    assert said in text_of(response)
    assert not User.objects.exists()
    assert not is_signed_in(client)


@pytest.mark.parametrize("verified", [True, False])
def test_an_address_alone_signs_in_as_nobody(client: Client, there: There, verified: bool) -> None:
    user = person_here(ANA, verified=verified)
    response = there.sign_in(client, ANA)
    assert response.status_code == 403
    assert "This address is already registered" in text_of(response)
    assert not is_signed_in(client)
    assert connected(user) == 0


@pytest.mark.parametrize("verified", [True, False])
def test_a_second_address_of_somebody_is_taken(
    client: Client, there: There, verified: bool
) -> None:
    user = person_here(ANA)
    EmailAddress.objects.create(user=user, email=NINA.email, verified=verified)

    assert "This address is already registered" in text_of(there.sign_in(client, NINA))
    assert list(User.objects.all()) == [user]


def test_the_address_of_somebody_whom_staff_added_is_taken(client: Client, there: There) -> None:
    """Such a person has no row of addresses before the first sign-in."""
    user = UserFactory(email=NINA.email)

    assert "This address is already registered" in text_of(there.sign_in(client, NINA))
    assert list(User.objects.all()) == [user]


def test_a_person_connects_after_their_password_and_then_signs_in(
    client: Client, there: There
) -> None:
    user = person_here(ANA)
    mail.outbox.clear()
    assert connect(there, client, user, ANA)["Location"] == CONNECTIONS
    assert connected(user) == 1
    assert [found.subject for found in mail.outbox] == ["A provider was connected"]

    other = Client()
    there.sign_in(other, ANA)
    assert get_user(other) == user


def test_the_page_security_leads_to_the_provider_by_one_press(client: Client, there: There) -> None:
    user = person_here(ANA)
    client.force_login(user)
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    page = client.get("/account/security/").content.decode()
    (press,) = re.findall(r'action="([^"]+process=connect)"', page)
    answer = client.post(press)
    assert answer["Location"].startswith(there.provider.issuer)


def test_connecting_asks_for_the_password_first(client: Client, there: There) -> None:
    user = person_here(ANA)
    client.force_login(user)
    let_pass(client, minutes=6)
    response = client.post(GO, query_params={"process": "connect"})
    assert response["Location"].startswith("/account/reauthenticate/?")
    assert connected(user) == 0


def test_a_password_that_was_too_long_ago_is_asked_again_after_the_provider(
    client: Client, there: There
) -> None:
    user = person_here(ANA)
    client.force_login(user)
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    answer = there.answer(there.go(client, process="connect"), ANA)
    let_pass(client, minutes=6)
    assert client.get(BACK, answer)["Location"] == "/account/reauthenticate/"
    assert connected(user) == 0
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    assert connected(user) == 1


def test_a_person_without_password_or_factor_connects_nothing(client: Client, there: There) -> None:
    user = person_here(ANA)
    user.set_unusable_password()
    user.save()
    client.force_login(user)
    response = client.post(GO, query_params={"process": "connect"})
    assert response.status_code == 403
    assert "Choose a password first" in text_of(response)


@pytest.mark.parametrize(
    ("verified_here", "verified_there", "email_there", "said"),
    [
        (True, False, ANA.email, "has not confirmed your address"),
        (False, True, ANA.email, "The addresses differ"),
        (True, True, "other@example.com", "The addresses differ"),
    ],
)
def test_both_sides_must_have_confirmed_the_same_address(
    client: Client,
    there: There,
    verified_here: bool,
    verified_there: bool,
    email_there: str,
    said: str,
) -> None:
    user = person_here(ANA, verified=verified_here)
    there.know(replace(ANA, email=email_there, email_verified=verified_there))
    response = connect(there, client, user, ANA)
    assert response.status_code == 403
    assert said in text_of(response)
    assert connected(user) == 0


def test_what_is_connected_with_another_person_stays_theirs(client: Client, there: There) -> None:
    ana, other = person_here(ANA), person_here(NINA)
    connect(there, client, ana, ANA)
    response = connect(there, Client(), other, ANA)
    assert response["Location"] == CONNECTIONS
    assert (connected(ana), connected(other)) == (1, 0)


def test_a_person_disconnects_after_their_password(client: Client, there: There) -> None:
    user = person_here(ANA)
    connect(there, client, user, ANA)
    row = SocialAccount.objects.get()
    assert "ana@example.com" in text_of(client.get(CONNECTIONS))
    elsewhere = Client()
    elsewhere.force_login(User.objects.get(pk=user.pk))
    client.post(CONNECTIONS, {"account": row.pk})
    assert connected(user) == 0
    assert is_signed_in(client)
    assert not is_signed_in(elsewhere)  # it may have begun there


def test_the_same_subject_of_another_issuer_is_somebody_else() -> None:
    provider = OpenIDProvider.__new__(OpenIDProvider)  # no request: it reads the claims alone
    claims = [{"iss": f"https://{name}.example", "sub": "ana"} for name in ("one", "two")]
    assert len({provider.extract_uid(each) for each in claims}) == 2


def test_the_only_way_to_sign_in_stays(client: Client, there: There) -> None:
    there.sign_in(client, NINA)
    row = SocialAccount.objects.get()
    response = client.post(CONNECTIONS, {"account": row.pk})
    assert "Choose a password first" in text_of(response)
    assert SocialAccount.objects.exists()


def test_the_page_security_has_the_provider(client: Client, there: There) -> None:
    user = person_here(ANA)
    client.force_login(user)
    assert "Cloud Sign-in Not connected" in text_of(client.get("/account/security/"))
    connect(there, client, user, ANA)
    assert "ana@example.com, connected on" in text_of(client.get("/account/security/"))


def test_a_closed_sign_in_stays_closed(client: Client, there: There) -> None:
    user = person_here(ANA)
    connect(there, client, user, ANA)
    services.deactivate_user(user=user)
    visitor = Client()
    assert there.sign_in(visitor, ANA)["Location"] == "/account/inactive/"
    assert not is_signed_in(visitor)


def test_an_address_changed_by_staff_disconnects_the_provider(client: Client, there: There) -> None:
    """Whoever has the old mailbox may open the provider's account with it."""
    user = person_here(ANA)
    connect(there, client, user, ANA)
    services.change_email(user=user, email="new@example.com")
    visitor = Client()
    there.sign_in(visitor, ANA)
    assert connected(user) == 0
    assert get_user(visitor) != user


def test_stopping_at_the_provider_is_told(client: Client, there: There) -> None:
    asked = there.go(client)
    answer = {"error": "access_denied", "state": asked["state"]}
    response = client.get(BACK, answer, follow=True)
    assert "You cancelled the sign-in" in text_of(response)


def test_refusals_are_logged_with_a_reason_and_no_address(client: Client, there: There) -> None:
    with security_events() as events:
        there.sign_in(client, UNSURE)
        there.sign_in(client, NINA, "expired")
    refused = events.named("provider.refused")
    assert [line["reason"] for line in refused] == ["unverified", "expired"]
    assert not any("example.com" in line for line in events.lines)


def test_after_a_refusal_the_provider_asks_again(client: Client, there: There) -> None:
    """Its own session would send the same person once more, and nobody could choose another."""
    assert "prompt" not in there.go(client)
    there.sign_in(client, UNSURE)
    assert there.go(client)["prompt"] == "login"
    assert "prompt" not in there.go(client)


def test_connecting_always_asks_there_again(client: Client, there: There) -> None:
    client.force_login(person_here(ANA))
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    assert there.go(client, process="connect")["prompt"] == "login"
