"""Django's commands about people, which name them by the address that they sign in with."""

import builtins
import getpass
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from tests.factories import UserFactory

GOOD = "lanterns-over-slow-rivers"

pytestmark = pytest.mark.django_db


class Terminal:
    """Answers questions in turn, and notes them."""

    def __init__(self, passwords: list[str]) -> None:
        self.passwords: Iterator[str] = iter(passwords)
        self.questions: list[str] = []

    def isatty(self) -> bool:
        return True

    def getpass(self, prompt: str = "Password: ") -> str:
        return next(self.passwords)

    def input(self, question: str) -> str:
        self.questions.append(question)
        return "Robin" if question.startswith("Name") else "y"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    answers = Terminal(["password", "password", GOOD, GOOD])
    monkeypatch.setattr(getpass, "getpass", answers.getpass)
    monkeypatch.setattr(builtins, "input", answers.input)
    return answers


def test_a_command_without_questions_names_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_EMAIL", "robin@example.com")
    with pytest.raises(CommandError, match="DJANGO_SUPERUSER_NAME"):
        call_command("createsuperuser", "--noinput")
    monkeypatch.setenv("DJANGO_SUPERUSER_USERNAME", "admin")
    monkeypatch.delenv("DJANGO_SUPERUSER_EMAIL")
    with pytest.raises(CommandError, match="DJANGO_SUPERUSER_EMAIL"):
        call_command("createsuperuser", "--noinput")
    monkeypatch.setenv("DJANGO_SUPERUSER_EMAIL", "robin@example.com")
    monkeypatch.setenv("DJANGO_SUPERUSER_NAME", "Robin")
    call_command("createsuperuser", "--noinput", verbosity=0)
    assert User.objects.get(email="robin@example.com").is_superuser


def test_the_reasons_against_a_password_are_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "robin")
    with pytest.raises(CommandError) as refused:
        call_command("createsuperuser", "--noinput", email="robin@example.com", name="Robin")
    assert str(refused.value).count(". ") > 0
    assert ".;" not in str(refused.value)


def test_a_superuser_is_not_named_by_a_username() -> None:
    with pytest.raises(CommandError, match="--email"):
        call_command("createsuperuser", "--username", "admin")
    assert not User.objects.exists()


def test_a_weak_password_is_asked_for_again_and_not_offered(terminal: Terminal) -> None:
    call_command("createsuperuser", "--email", "robin@example.com", stdin=terminal, verbosity=0)
    assert [question.partition(" ")[0] for question in terminal.questions] == ["Name:"]
    robin = User.objects.get()
    assert robin.is_superuser
    assert robin.name == "Robin"
    assert robin.check_password(GOOD)


def test_a_password_is_changed_whatever_the_case_of_the_address(terminal: Terminal) -> None:
    ana = UserFactory(email="ana@example.com")
    call_command("changepassword", "Ana@Example.com")
    ana.refresh_from_db()
    assert ana.check_password(GOOD)


@pytest.mark.parametrize("name", [[], ["admin"]])
def test_a_password_is_not_changed_by_a_username(name: list[str]) -> None:
    with pytest.raises(CommandError, match="e-mail address"):
        call_command("changepassword", *name)


def test_the_web_role_is_refused_without_the_advice_to_run_this_command(settings: Any) -> None:
    settings.LEDGER_ROLE = "web"
    with pytest.raises(CommandError, match="DB_USER") as refused:
        call_command("createsuperuser", "--noinput", email="robin@example.com", name="Robin")
    assert "createsuperuser" not in str(refused.value)
