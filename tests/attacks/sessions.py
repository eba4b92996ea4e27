"""Sessions of Ana, of any age."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import User, WebSession
from accounts.sign_in.session_store import digest_of
from tests.factories import UserFactory
from tests.sign_in import verify_address

PASSWORD = "seven blue lamps at dusk"


def person(**fields: Any) -> User:
    user: User = UserFactory(email="ana@example.com", password=PASSWORD, **fields)
    verify_address(user)
    return user


def key_of(client: Client) -> str:
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


def age(client: Client, *, seen: timedelta, started: timedelta | None = None) -> None:
    """Makes the session of this client older."""
    now = timezone.now()
    row = WebSession.objects.get(pk=digest_of(key_of(client)))
    row.last_seen_at, row.started_at = now - seen, now - (started or seen)
    row.save()
