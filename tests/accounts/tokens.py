"""Tokens for tests, and requests with them."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.test import Client
from django.utils import timezone

from accounts.models import ApiToken, User
from accounts.sign_in import tokens
from tests.factories import walls_down

URLS = "tests.accounts.token_urls"


def issue(person: User, *scopes: str, **changes: Any) -> tokens.IssuedToken:
    """A token of this person, by default one that reads, for a day, made with a second factor."""
    details: dict[str, Any] = {
        "name": "Home budget",
        "expires_at": timezone.now() + timedelta(days=1),
        "second_factor": True,
    } | changes
    return tokens.issue(person=person, scopes=scopes or ("read",), **details)


def add_token(person: User) -> ApiToken:
    """The row of a token alone, without a mail or a line in the log."""
    row: ApiToken = ApiToken.objects.create(
        id=uuid4(), user=person, name="Budget", prefix=person.pk.hex[-8:], hash=person.pk.hex * 2,
        scopes=["read"], expires_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    return row


def ask(text: str, path: str = "/api/who/", client: Client | None = None, **headers: str) -> Any:
    """The answer to a request with this token."""
    headers = {"Authorization": f"Bearer {text}"} | headers
    return (client or Client()).get(path, headers=headers)


def expire(token: ApiToken) -> None:
    """Lets the time of a token be over, for which its owner lifts the triggers."""
    with walls_down("api_tokens") as cursor:
        cursor.execute(
            "UPDATE api_tokens SET created_at = now() - interval '9 days',"
            " expires_at = now() - interval '1 second' WHERE id = %s",
            [token.pk],
        )
