"""A sign-in that has begun is cancelled by a new password, a new address or a removed address."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts import services
from accounts.models import User
from tests.factories import PASSWORD, UserFactory
from tests.pages import text_of
from tests.sign_in import add_app, code_of, freeze_codes, mailed_code, prove, verify_address

pytestmark = pytest.mark.django_db
LOGIN, CODE, SECOND = "/account/login/", "/account/login/code/", "/account/2fa/authenticate/"
NEW = "green horse paints slowly 7"
OLD_ADDRESS = "old@bank.example"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    freeze_codes(monkeypatch)


@pytest.fixture
def ana() -> User:
    ana: User = UserFactory(email="ana@bank.example", password=PASSWORD)
    verify_address(ana)
    EmailAddress.objects.create(user=ana, email=OLD_ADDRESS, primary=False, verified=True)
    return ana


def code_for(client: Client, email: str) -> str:
    client.post(CODE, {"email": email})
    assert mail.outbox[-1].to == [email]
    return mailed_code()


def type_code(client: Client, code: str) -> Any:
    return client.post(f"{CODE}confirm/", {"code": code}, follow=True)


def is_in(client: Client) -> bool:
    return client.get("/accounts/").status_code == 200


def after_the_password(email: str) -> Client:
    client = Client()
    answer = client.post(LOGIN, {"login": email, "password": PASSWORD})
    assert answer.headers["Location"] == SECOND
    return client


def remove_old_address(ana: User) -> None:
    owner = Client()
    owner.force_login(ana)
    prove(owner, ana, method="mfa")
    owner.post("/account/email/", {"email": OLD_ADDRESS, "action_remove": ""})
    assert not EmailAddress.objects.filter(email=OLD_ADDRESS).exists()


def change_password(ana: User) -> None:
    owner = Client()
    owner.force_login(ana)
    prove(owner, ana, method="mfa")
    form = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    owner.post("/account/password/change/", form)
    ana.refresh_from_db()
    assert ana.check_password(NEW)


def test_a_code_mailed_to_an_address_that_the_bank_has_replaced_signs_nobody_in(ana: User) -> None:
    client = Client()
    code = code_for(client, ana.email)
    services.change_email(user=ana, email="new@bank.example")
    assert "not the code" in text_of(type_code(client, code))
    assert not is_in(client)


def test_a_code_mailed_to_an_address_that_was_removed_signs_nobody_in(ana: User) -> None:
    client = Client()
    code = code_for(client, OLD_ADDRESS)
    remove_old_address(ana)
    assert "not the code" in text_of(type_code(client, code))
    assert not is_in(client)


def test_a_code_mailed_to_an_address_that_stays_signs_in(ana: User) -> None:
    client, other = Client(), Client()
    code = code_for(client, ana.email)
    remove_old_address(ana)
    type_code(client, code)
    assert is_in(client)
    assert not is_in(other)


def test_the_old_password_and_a_second_factor_sign_nobody_in(ana: User) -> None:
    add_app(ana)
    client = after_the_password(ana.email)
    change_password(ana)
    answer = client.post(SECOND, {"code": code_of()}, follow=True)
    assert "has changed" in text_of(answer)
    assert not is_in(client)


@pytest.mark.parametrize("event", ["address removed", "address replaced", "rights changed"])
def test_half_a_sign_in_does_not_go_on_after(ana: User, event: str) -> None:
    add_app(ana)
    client = after_the_password(OLD_ADDRESS)
    if event == "address removed":
        remove_old_address(ana)
    elif event == "address replaced":
        services.change_email(user=ana, email="new@bank.example")
    else:
        User.objects.filter(pk=ana.pk).update(is_staff=True)
    client.post(SECOND, {"code": code_of()})
    assert not is_in(client)


def test_half_a_sign_in_goes_on_if_nothing_has_changed(ana: User) -> None:
    add_app(ana)
    client = after_the_password(OLD_ADDRESS)
    client.post(SECOND, {"code": code_of()})
    assert is_in(client)


@pytest.mark.parametrize(("hours", "is_valid"), [(23, True), (25, False)])
def test_a_link_to_a_new_password_counts_for_a_day(
    ana: User, monkeypatch: pytest.MonkeyPatch, hours: int, is_valid: bool
) -> None:
    client = Client()
    client.post("/account/password/reset/", {"email": ana.email})
    (link,) = [line for line in mail.outbox[-1].body.splitlines() if "/reset/key/" in line]
    later = datetime.now() + timedelta(hours=hours)  # noqa: DTZ005  as Django's own
    monkeypatch.setattr(PasswordResetTokenGenerator, "_now", lambda _generator: later)
    page = client.get("/" + link.split("/", 3)[3], follow=True)
    assert ("no longer works" not in text_of(page)) is is_valid
