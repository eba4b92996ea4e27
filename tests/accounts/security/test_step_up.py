"""When the pages that change how somebody signs in ask for a proof, and when a sign-in is one."""

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from tests.factories import PASSWORD, UserFactory
from tests.pages import text_of
from tests.passkeys import add_passkey
from tests.sign_in import (
    add_app,
    code_of,
    freeze_codes,
    let_pass,
    mailed_code,
    prove,
    sign_up,
    verify_address,
)

pytestmark = pytest.mark.django_db
SIGN_IN, SECOND = "/account/login/", "/account/2fa/authenticate/"
CODES = "/account/2fa/recovery-codes/"
PAGES = (
    "/account/2fa/totp/activate/",
    "/account/2fa/webauthn/add/",
    "/account/security/password/remove/",
    "/account/data/",
    "/account/leave/",
)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    freeze_codes(monkeypatch)
    cache.clear()


@pytest.fixture
def ana() -> User:
    ana: User = UserFactory(email="ana@example.com", password=PASSWORD)
    verify_address(ana)
    return ana


def opened(client: Client) -> list[str]:
    """The pages that open without a question, out of those of PAGES and adding an address."""
    found = [url for url in PAGES if client.get(url).status_code == 200]
    added = client.post("/account/email/", {"action_add": "", "email": "ana@second.example"})
    where = added.headers["Location"]
    return found + [where] * ("reauthenticate" not in where)


def sign_in(client: Client, user: User) -> None:
    client.post(SIGN_IN, {"login": user.email, "password": PASSWORD})


def test_a_sign_in_by_password_opens_every_page_for_some_minutes(client: Client, ana: User) -> None:
    sign_in(client, ana)
    let_pass(client, minutes=4.9)
    assert len(opened(client)) == len(PAGES) + 1
    let_pass(client, minutes=0.2)
    assert opened(client) == []


def test_a_sign_in_with_the_second_factor_opens_every_page(client: Client, ana: User) -> None:
    add_app(ana)
    sign_in(client, ana)
    client.post(SECOND, {"code": code_of()})
    assert [client.get(url).status_code for url in PAGES[1:]] == [200] * len(PAGES[1:])
    let_pass(client, minutes=5.1)
    assert opened(client) == []


def test_a_sign_in_by_passkey_opens_every_page(client: Client, ana: User) -> None:
    passkey, by_passkey = add_passkey(ana), "/account/2fa/webauthn/login/"
    options = client.get(by_passkey, headers={"accept": "application/json"}).json()
    challenge = options["request_options"]["publicKey"]["challenge"]
    client.post(by_passkey, {"credential": passkey.sign(challenge)})
    assert len(opened(client)) == len(PAGES) + 1


def test_a_sign_in_by_a_mailed_code_alone_opens_none(client: Client, ana: User) -> None:
    client.post("/account/login/code/", {"email": ana.email})
    client.post("/account/login/code/confirm/", {"code": mailed_code()})
    assert client.get("/").status_code == 200
    assert opened(client) == []


def test_signing_up_opens_every_page_for_some_minutes(client: Client) -> None:
    sign_up(client)
    client.post("/account/confirm-email/", {"code": mailed_code()})
    assert client.get("/").status_code == 200
    assert len(opened(client)) == len(PAGES) + 1
    let_pass(client, minutes=5.1)
    assert opened(client) == []


def test_a_password_opens_none_to_somebody_with_a_second_factor(client: Client, ana: User) -> None:
    add_app(ana)
    client.force_login(ana)  # counts as a sign-in by password
    prove(client, ana)
    assert opened(client) == []


def test_whoever_has_nothing_to_prove_who_they_are_signs_in_again(
    client: Client, ana: User
) -> None:
    ana.set_unusable_password()
    ana.save()
    client.post("/account/login/code/", {"email": ana.email})
    client.post("/account/login/code/confirm/", {"code": mailed_code()})
    let_pass(client, minutes=5.1)
    page = client.get(PAGES[0], follow=True)
    assert page.redirect_chain == [("/", 302)]
    assert "This needs a fresh sign-in" in text_of(page)


@pytest.mark.parametrize("has_password", [True, False])
@pytest.mark.django_db(transaction=True)  # the signal of a new factor follows the commit
def test_whoever_has_just_added_an_app_goes_on_to_the_recovery_codes(
    client: Client, ana: User, has_password: bool
) -> None:
    if has_password:
        sign_in(client, ana)
    else:
        ana.set_unusable_password()
        ana.save()
        client.post("/account/login/code/", {"email": ana.email})
        client.post("/account/login/code/confirm/", {"code": mailed_code()})
    set_up = PAGES[0]
    secret = client.get(set_up).context["form"].secret
    answer = client.post(set_up, {"code": code_of(secret)})
    page = client.get(answer.headers["Location"], follow=True)
    assert page.redirect_chain == [(CODES, 302)]
    assert len(client.post(CODES).context["codes"]) == 10

    elsewhere = Client()
    elsewhere.force_login(ana)
    assert "reauthenticate" in elsewhere.get(CODES).headers["Location"]
    let_pass(client, minutes=5.1)
    assert "reauthenticate" in client.get(CODES).headers["Location"]
