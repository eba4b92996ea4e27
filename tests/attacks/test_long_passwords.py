"""A text that is longer than any password is neither compared nor hashed, so it costs no time."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import User
from accounts.models import user as user_module
from accounts.sign_in import password_patterns, passwords
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
LONG = "".join(chr(33 + (7 * n) % 90) for n in range(20_000))
PASSWORD = "seven blue lamps at dusk"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Returns a list of the lengths of all passwords that code normalises. Normalising is the first
    step of comparing and hashing.
    """
    lengths: list[int] = []

    def noting(password: str) -> str:
        lengths.append(len(password))
        return password[: passwords.LONGEST]  # otherwise a failing test would take minutes

    monkeypatch.setattr(passwords, "normalised_password", noting)
    monkeypatch.setattr(user_module, "normalised_password", noting)
    return lengths


def person() -> User:
    user: User = UserFactory(email="ana@example.com", password=PASSWORD)
    return user


def signed_in() -> Client:
    client = Client()
    client.force_login(person())
    return client


def sign_up() -> Any:
    form = {"name": "Eve", "email": "eve@example.com", "password1": LONG, "password2": LONG}
    return Client().post("/account/signup/", form)


def sign_in() -> Any:
    person()
    return Client().post("/account/login/", {"login": "ana@example.com", "password": LONG})


def step_up() -> Any:
    return signed_in().post("/account/reauthenticate/", {"password": LONG})


def current_password() -> Any:
    form = {"oldpassword": LONG, "password1": PASSWORD, "password2": PASSWORD}
    return signed_in().post("/account/password/change/", form)


def new_password() -> Any:
    form = {"oldpassword": PASSWORD, "password1": LONG, "password2": LONG}
    return signed_in().post("/account/password/change/", form)


DOORS: list[Callable[[], Any]] = [sign_up, sign_in, step_up, current_password, new_password]


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_no_form_reads_a_text_that_is_too_long(door: Callable[[], Any], read: list[int]) -> None:
    answer = door()
    assert answer.status_code == 200
    assert f"at most {passwords.LONGEST}" in answer.content.decode()
    assert all(length <= passwords.LONGEST for length in read)


def test_no_rule_reads_a_text_that_is_too_long(read: list[int]) -> None:
    with pytest.raises(ValidationError) as refused:
        validate_password(LONG, User(name="Ana Ferreira", email="ana.ferreira@example.com"))
    assert [error.code for error in refused.value.error_list] == ["password_too_long"]
    assert read == []


def test_words_are_looked_for_without_copying_the_text_at_each_place() -> None:
    """A letter that becomes 18 letters makes 4,608 letters of 256."""
    text = user_module.normalised_password("\ufdfa" * passwords.LONGEST)
    assert len(text) > 4_000
    assert not password_patterns.consists_of(text, password_patterns.SITE_WORDS)
