"""manage.py create_token and revoke_token."""

from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import ApiToken, User
from accounts.sign_in import tokens
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> User:
    ana: User = UserFactory(email="ana@example.com")
    return ana


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_create_token_prints_the_token_alone(ana: User) -> None:
    printed = run("create_token", "Ana@example.com", "--scope", "read", "--scope", "pay")
    token = tokens.owner_of(printed.removesuffix("\n"))
    assert token is not None
    assert (token.user, token.scopes, token.second_factor) == (ana, ["read", "pay"], True)
    assert token.expires_at is not None
    assert timedelta(days=89) < token.expires_at - timezone.now() < timedelta(days=91)


@pytest.mark.django_db(transaction=True)
def test_a_mail_that_is_printed_is_not_taken_for_the_token(
    ana: User, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in development, where mails are printed."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    call_command("create_token", ana.email, "--scope", "read")
    printed = capsys.readouterr()
    assert tokens.owner_of(printed.out.removesuffix("\n"))
    assert "You have a new access token" in printed.err


def test_create_token_sets_name_limits_and_time(ana: User) -> None:
    run(
        "create_token", ana.email, "--scope", "pay", "--name", "Payroll", "--per-payment", "100",
        "--per-day", "500.50", "--currency", "eur", "--days", "0",
    )  # fmt: skip
    token = ApiToken.objects.get()
    assert (token.name, token.currency, token.expires_at) == ("Payroll", "EUR", None)
    assert (token.per_payment, token.per_day) == (Decimal(100), Decimal("500.5"))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["nobody@example.com", "--scope", "read"], "Nobody"),
        (["ana@example.com", "--scope", "root"], "scopes"),
        (["ana@example.com", "--scope", "staff"], "staff"),
        (["ana@example.com", "--scope", "pay", "--per-day", "5"], "currency"),
        (["ana@example.com", "--scope", "pay", "--per-day", "much"], "much"),
        (["ana@example.com", "--scope", "pay", "--per-day", "-5", "--currency", "EUR"], "zero"),
        *(
            (["ana@example.com", "--scope", "pay", "--currency", "EUR", limit, amount], word)
            for limit in ("--per-day", "--per-payment")
            for amount, word in (("NaN", "zero"), ("Infinity", "zero"), ("1e400", "largest"))
        ),
        (["ana@example.com", "--scope", "read", "--days", "-1"], "days"),
        (["ana@example.com"], "--scope"),
    ],
)
def test_create_token_says_what_is_wrong(ana: User, arguments: list[str], word: str) -> None:
    with pytest.raises(CommandError, match=word):
        run("create_token", *arguments)
    assert not ApiToken.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_revoke_token_takes_the_prefix_or_the_whole_token(ana: User) -> None:
    text = run("create_token", ana.email, "--scope", "read").strip()
    prefix = text.split("_")[1]
    mail.outbox.clear()
    assert prefix in run("revoke_token", prefix)
    assert tokens.owner_of(text) is None
    assert "already" in run("revoke_token", text)
    assert len(mail.outbox) == 1
    with pytest.raises(CommandError, match="00000000"):
        run("revoke_token", "00000000")


def test_end_sessions_ends_tokens_of_one_person_and_of_everybody_if_asked(ana: User) -> None:
    other = UserFactory()
    for person in (ana, other):
        run("create_token", person.email, "--scope", "read")
    run("end_sessions", "--everybody")
    assert ApiToken.objects.live().count() == 2
    run("end_sessions", ana.email)
    assert ApiToken.objects.live().get().user == other
    run("end_sessions", "--everybody", "--tokens")
    assert not ApiToken.objects.live().exists()
