"""Authenticator apps and recovery codes: setting up, signing in, stepping up, removing."""

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import LazySettings
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from accounts.security.forms import CONFIRM_FIRST
from accounts.sign_in.factors import factors_of
from tests.factories import PASSWORD, UserFactory
from tests.pages import text_of
from tests.sign_in import (
    add_app,
    add_recovery_codes,
    after_the_password,
    code_of,
    freeze_codes,
    is_signed_in,
    let_pass,
    prove,
    prove_factor,
)
from transactions.row_security import installation

pytestmark = pytest.mark.django_db
SET_UP, REMOVE = "/account/2fa/totp/activate/", "/account/2fa/totp/deactivate/"
SECOND, STEP_UP = "/account/2fa/authenticate/", "/account/2fa/reauthenticate/"
CODES = "/account/2fa/recovery-codes/"


@pytest.fixture(autouse=True)
def no_rate_limits_left_over() -> None:
    cache.clear()


@pytest.fixture(autouse=True)
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    freeze_codes(monkeypatch)


@pytest.fixture
def ana(client: Client) -> User:
    ana: User = UserFactory(password=PASSWORD)
    client.force_login(ana)
    prove(client, ana)
    return ana


@pytest.mark.django_db(transaction=True)  # the mail goes out after the commit
def test_an_app_is_set_up_by_the_key_in_the_page(client: Client, ana: User) -> None:
    page = client.get(SET_UP)
    secret = page.context["form"].secret
    shown = re.search(r'id="totp-key"[^>]*>(<span>.*?)</code>', page.content.decode())
    assert shown
    groups = re.findall(r"<span>(\w+)</span>", shown[1])
    assert [len(group) for group in groups] == [4] * 8
    assert "".join(groups) == secret
    assert f'data-copy="{secret}"' in page.content.decode()
    assert 'src="data:image/svg+xml;base64,' in page.content.decode()
    answer = client.post(SET_UP, {"code": code_of(secret)})

    assert client.get(answer.headers["Location"]).headers["Location"] == CODES
    factors = factors_of(ana)
    assert (factors.has_second, factors.recovery_codes) == (True, None)
    (told,) = mail.outbox
    assert (told.subject, told.to) == ("An authenticator app was set up", [ana.email])
    assert secret not in str(client.session.items())


def test_the_code_that_sets_up_the_app_signs_nobody_in(client: Client, ana: User) -> None:
    secret = client.get(SET_UP).context["form"].secret
    client.post(SET_UP, {"code": code_of(secret)})
    other = Client()
    after_the_password(ana, other).post(SECOND, {"code": code_of(secret)})
    assert not is_signed_in(other)
    after_the_password(ana, other).post(SECOND, {"code": code_of(secret, later=1)})


def test_a_wrong_code_sets_up_nothing(client: Client, ana: User) -> None:
    client.get(SET_UP)
    answer = client.post(SET_UP, {"code": "000000"})
    assert answer.status_code == 200
    assert "code is wrong" in text_of(answer)
    assert "recovery code" not in text_of(answer)
    assert not Authenticator.objects.exists()


def test_an_unconfirmed_address_sets_up_nothing(client: Client, ana: User) -> None:
    EmailAddress.objects.create(user=ana, email=ana.email, primary=True, verified=False)
    page = client.get(SET_UP)
    answer = client.post(SET_UP, {"code": code_of(page.context["form"].secret)})
    assert CONFIRM_FIRST in text_of(answer)
    assert not Authenticator.objects.exists()


def test_the_code_of_the_app_finishes_signing_in(client: Client, ana: User) -> None:
    add_app(ana)
    after_the_password(ana, client)
    assert not is_signed_in(client)
    assert "passkey" not in text_of(client.get(SECOND)), "Ana has none"
    assert client.post(SECOND, {"code": code_of()}).headers["Location"] == "/"
    assert is_signed_in(client)


@pytest.mark.parametrize("later", [-1, 1, 120])
def test_a_wrong_code_does_not_sign_in(client: Client, ana: User, later: int) -> None:
    add_app(ana)
    after_the_password(ana, client)
    answer = text_of(client.post(SECOND, {"code": code_of(later=later)}))
    assert "code is wrong" in answer
    assert "25 letters" not in answer
    assert not is_signed_in(client)


def test_an_unknown_key_is_told_and_signs_nobody_in(
    client: Client, ana: User, settings: LazySettings, caplog: pytest.LogCaptureFixture
) -> None:
    add_app(ana)
    settings.SECRET_KEY = "n" * 40 + "0123456789"
    installation.apply()  # with row-level security, the database knows the new key
    after_the_password(ana, client)
    answer = client.post(SECOND, {"code": code_of()})
    assert "cannot check codes at the moment" in text_of(answer)
    assert not is_signed_in(client)
    assert "unknown key" in caplog.text


def test_a_code_works_once(client: Client, ana: User) -> None:
    add_app(ana)
    for expected in (True, False):
        after_the_password(ana, client).post(SECOND, {"code": code_of()})
        assert is_signed_in(client) is expected


@pytest.mark.parametrize("has_codes", [True, False])
def test_after_too_many_wrong_codes_the_page_says_whether_a_recovery_code_works(
    client: Client, ana: User, has_codes: bool
) -> None:
    add_app(ana)
    codes = add_recovery_codes(ana) if has_codes else []
    after_the_password(ana, client)
    answers = [text_of(client.post(SECOND, {"code": code_of(later=120)})) for _ in range(6)]
    assert "Too many wrong attempts" not in answers[4]
    assert "Too many wrong attempts" in answers[5]
    assert ("A recovery code still works" in answers[5]) == has_codes
    for code in codes[:1]:
        client.post(SECOND, {"code": code})
    assert is_signed_in(client) == has_codes


def test_the_app_is_removed_after_a_step_up_and_told_by_mail(client: Client, ana: User) -> None:
    prove_factor(client, add_app(ana))
    add_recovery_codes(ana)
    elsewhere = Client()
    elsewhere.force_login(ana)
    assert elsewhere.post(REMOVE).headers["Location"].startswith(STEP_UP)
    assert factors_of(ana).app

    client.post(REMOVE)  # the password is too short to be alone
    assert factors_of(ana).app
    User.objects.filter(pk=ana.pk).update(password_is_long=True)
    client.post(REMOVE)
    assert not Authenticator.objects.exists()
    (told,) = mail.outbox
    assert (told.subject, told.to) == ("The authenticator app was removed", [ana.email])


def test_whoever_has_an_app_changes_the_password_after_a_step_up(client: Client) -> None:
    ana = UserFactory(password=PASSWORD)
    client.force_login(ana)
    change, new = "/account/password/change/", "other-words-than-before"
    form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    add_app(ana)
    answer = client.post(change, form)
    assert answer.headers["Location"] == f"{STEP_UP}?next=%2Faccount%2Fpassword%2Fchange%2F"
    assert new not in str(list(client.session.items()))
    assert User.objects.get().check_password(PASSWORD)

    client.post(STEP_UP, {"code": code_of(), "next": change})
    assert client.post(change, form).headers["Location"] == "/"
    assert User.objects.get().check_password(new)


def test_addresses_change_after_a_step_up(client: Client, mailoutbox: list[Any]) -> None:
    ana = UserFactory(password=PASSWORD)
    client.force_login(ana)
    let_pass(client, minutes=6)
    form = {"action_add": "", "email": "second@example.com"}
    answer = client.post("/account/email/", form)
    assert answer.headers["Location"].startswith("/account/reauthenticate/")
    assert mailoutbox == []

    client.post(answer.headers["Location"], {"password": PASSWORD})
    (code,) = re.findall(r"asked for the code:\s+(\S+)", mailoutbox[0].body)
    client.post("/account/confirm-email/", {"code": code})
    assert EmailAddress.objects.filter(email="second@example.com").exists()
