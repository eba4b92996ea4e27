"""Two parallel sign-ups for one free address: one succeeds, and both get the same response."""

from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.forms import SignupForm
from accounts.models import User
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
PASSWORD = "seven blue lamps at dusk"
EMAIL = "quite@example.com"


def sign_up(name: str = "Eve") -> Any:
    form = {"name": name, "email": EMAIL, "password1": PASSWORD, "password2": PASSWORD}
    return Client().post("/account/signup/", form)


def test_who_loses_the_race_for_an_address_gets_the_answer_of_the_winner(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    save = SignupForm.try_save

    def late_save(self: SignupForm, request: Any) -> Any:
        UserFactory(email=EMAIL, name="Ana")  # after the form has found the address free
        return save(self, request)

    winner = sign_up()
    User.objects.filter(email=EMAIL).delete()
    monkeypatch.setattr(SignupForm, "try_save", late_save)
    mail.outbox.clear()
    loser = sign_up()
    assert loser.status_code == winner.status_code == 302
    assert loser.headers["Location"] == winner.headers["Location"]
    assert [message.subject for message in mail.outbox] == ["You can already sign in"]
    assert User.objects.get(email=EMAIL).name == "Ana"


def test_sign_ups_one_after_the_other_get_the_same_answer() -> None:
    answers = [sign_up() for _ in range(4)]
    assert {answer.status_code for answer in answers} == {302}
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert User.objects.filter(email=EMAIL).count() == 1
