"""What somebody whose sign-in is closed is told by mail, whichever page they try."""

from datetime import UTC, datetime

import pytest
from django.conf import LazySettings
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from tests.factories import PASSWORD, UserFactory
from tests.sign_in import verify_address

pytestmark = pytest.mark.django_db
CLOSED_AT = datetime(2026, 3, 14, 12, tzinfo=UTC)
SIGN_UP = {
    "name": "Ana", "email": "ana@example.com",
    "password1": "seven-quiet-harbours", "password2": "seven-quiet-harbours",
}  # fmt: skip
ASKS = {
    "/account/signup/": SIGN_UP,
    "/account/signup/passkey/": {"name": "Ana", "email": "ana@example.com"},
    "/account/password/reset/": {"email": "ana@example.com"},
    "/account/login/code/": {"email": "ana@example.com"},
}


@pytest.fixture(autouse=True)
def ana() -> User:
    cache.clear()
    ana: User = UserFactory(email="ana@example.com", password=PASSWORD, name="Ana")
    verify_address(ana)
    return ana


def close(person: User) -> None:
    User.objects.filter(pk=person.pk).update(deleted_at=CLOSED_AT)


@pytest.mark.parametrize("url", ASKS)
def test_every_page_sends_the_mail_that_the_sign_in_is_closed(
    client: Client, ana: User, url: str
) -> None:
    close(ana)
    client.post(url, ASKS[url])
    (message,) = mail.outbox
    assert message.to == ["ana@example.com"]
    assert message.subject == "Your sign-in is closed"
    assert "14 March 2026" in message.body
    assert "http" not in message.body, "no page opens it again"


@pytest.mark.parametrize("contact", ["help@bank.example", ""])
def test_the_mail_says_how_to_reach_the_staff(
    client: Client, ana: User, settings: LazySettings, contact: str
) -> None:
    settings.LEDGER_CONTACT = contact
    close(ana)
    client.post("/account/password/reset/", {"email": "ana@example.com"})
    assert ("staff (help@bank.example)" in mail.outbox[0].body) == bool(contact)
    assert "()" not in mail.outbox[0].body


def test_a_page_links_to_the_staff(client: Client, settings: LazySettings) -> None:
    settings.LEDGER_CONTACT = "help@bank.example"
    page = client.get("/account/inactive/").content.decode()
    assert 'href="mailto:help@bank.example"' in page


@pytest.mark.parametrize("url", ASKS)
def test_nobody_else_gets_that_mail(url: str) -> None:
    Client().post(url, ASKS[url])
    Client().post(url, {**ASKS[url], "email": "nobody@example.com"})
    assert len(mail.outbox) == 2
    assert not [message for message in mail.outbox if "closed" in message.subject]
