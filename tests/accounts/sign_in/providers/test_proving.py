"""A step-up at the provider, for people who have neither password nor factor here."""

import time
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from ledger.db.ids import uuid7
from tests.factories import PASSWORD, AccountFactory, balances
from tests.identity_provider import (
    ANA,
    BACK,
    CLERK,
    NINA,
    There,
    connect,
    connected,
    is_signed_in,
    person_here,
)
from tests.pages import text_of
from tests.reviews import TRANSFER, send

pytestmark = pytest.mark.django_db
PROVE = "/account/providers/oidc/prove/"
GUARDED = "/account/2fa/totp/activate/"
NEXT = "/account/security/"


@pytest.fixture
def nina(client: Client, there: There) -> User:
    """Signed in through the provider alone."""
    cache.clear()
    there.sign_in(client, NINA)
    user: User = User.objects.get(email=NINA.email)
    return user


def prove(
    there: There, client: Client, *, as_whom: Any = NINA, fault: str = "", ago: int = 0
) -> Any:
    """The step-up, by a sign-in there that is so many seconds old."""
    response = client.post(PROVE, query_params={"next": NEXT})
    asked = there.asked_by(response)
    back = there.provider.authorize(
        asked, as_whom.subject, fault, signed_in_at=int(time.time()) - ago
    )
    return client.get(BACK, there.brought_back(back))


@pytest.mark.parametrize("path", [GUARDED, "/account/2fa/webauthn/add/", "/account/password/set/"])
def test_a_change_of_security_settings_asks_for_it(
    path: str, nina: User, client: Client, there: There
) -> None:
    """Signing in was no proof: the provider may have asked for nothing."""
    response = client.get(path)
    assert response["Location"].startswith(f"{PROVE}?next=")
    assert "sign in at Cloud Sign-in once more" in text_of(client.get(response["Location"]))


def test_the_provider_is_told_to_ask_again(nina: User, client: Client, there: There) -> None:
    asked = there.asked_by(client.post(PROVE))
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")


def test_a_proof_opens_the_page_for_some_minutes(
    nina: User, client: Client, there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert prove(there, client)["Location"] == NEXT
    assert client.get(GUARDED).status_code == 200
    later = time.time() + 301
    monkeypatch.setattr(time, "time", lambda: later)
    assert client.get(GUARDED)["Location"].startswith(PROVE)


@pytest.mark.parametrize(("fault", "ago"), [("", 600), ("no sign-in time", 0)])
def test_a_sign_in_from_before_is_no_proof(
    fault: str, ago: int, nina: User, client: Client, there: There
) -> None:
    response = prove(there, client, fault=fault, ago=ago)
    assert response.status_code == 403
    assert "did not ask you to sign in again" in text_of(response)
    assert client.get(GUARDED)["Location"].startswith(PROVE)


@pytest.mark.parametrize("other", [CLERK, ANA])
def test_another_persons_sign_in_is_no_proof(
    other: Any, nina: User, client: Client, there: There
) -> None:
    """Neither of somebody unknown here, nor of somebody connected; nobody is signed in by it."""
    ana = person_here(ANA)
    connect(there, Client(), ana, ANA)
    response = prove(there, client, as_whom=other)
    assert response.status_code == 403
    assert "Another person is signed in at" in text_of(response)
    assert client.session["_auth_user_id"] == str(nina.pk)
    assert client.get(GUARDED)["Location"].startswith(PROVE)
    assert not User.objects.filter(email=CLERK.email).exists()
    assert connected(nina) == 1


def test_a_proof_begun_by_one_person_does_not_count_for_another(
    nina: User, client: Client, there: There
) -> None:
    asked = there.asked_by(client.post(PROVE, query_params={"next": NEXT}))
    client.post("/account/logout/")
    answer = there.brought_back(there.provider.authorize(asked, NINA.subject))
    assert client.get(BACK, answer).status_code == 401
    assert not is_signed_in(client)


def test_a_payment_to_a_new_recipient_is_sent_after_a_proof(
    nina: User, client: Client, there: There
) -> None:
    """Signing in through the provider is none, as it may have asked for nothing."""
    mine, theirs = AccountFactory(user=nina, balance="90"), AccountFactory()
    form = {"id": str(uuid7()), "from_account": str(mine.pk), "number": theirs.number}
    form |= {"amount": "50.00", "description": "Rent", "reference": ""}
    asked = send(client, form)
    assert asked["Location"].startswith(PROVE)
    assert "first payment to this account" in text_of(client.get(asked["Location"]))

    to_provider = there.asked_by(client.post(asked["Location"]))
    answer = there.brought_back(there.provider.authorize(to_provider, NINA.subject))
    assert client.get(BACK, answer)["Location"] == f"{TRANSFER}?id={form['id']}"
    assert send(client, form)["Location"].startswith("/transactions/")
    assert balances(theirs) == [50]


def test_who_has_a_password_proves_that(client: Client, there: There) -> None:
    user = person_here(ANA)
    connect(there, client, user, ANA)
    visitor = Client()
    there.sign_in(visitor, ANA)
    response = visitor.get(GUARDED)
    assert response["Location"].startswith("/account/reauthenticate/?")
    visitor.post("/account/reauthenticate/", {"password": PASSWORD})
    assert visitor.get(GUARDED).status_code == 200


def test_a_stranger_proves_nothing(there: There) -> None:
    assert Client().get(PROVE)["Location"].startswith("/account/login/")
