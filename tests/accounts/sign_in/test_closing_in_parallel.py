"""Closing a sign-in while requests of its sessions hold the person's row."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.test import Client

from accounts.models import User, WebSession
from accounts.services import deactivate_user, set_sign_in
from accounts.sign_in import access
from ledger.db import retry
from tests.accounts import tokens
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
WAYS: dict[str, Callable[[User], object]] = {
    "of the admin": lambda person: set_sign_in(user=person, is_open=False),
    "of code": lambda person: deactivate_user(user=person.pk),
}


@pytest.fixture
def thief() -> User:
    """Somebody with a session and a token of this person."""
    person: User = UserFactory()
    Client().force_login(person)
    tokens.issue(person)
    return person


@pytest.mark.parametrize("way", WAYS)
def test_sessions_and_tokens_end_while_their_requests_hold_the_row(
    way: str, thief: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def close() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '20ms'")
        try:
            WAYS[way](thief)
        finally:
            connection.close()

    monkeypatch.setattr(retry, "UNTIL_BACK", 0.0)
    with psycopg.connect(**connection.get_connection_params()) as request:
        request.execute("SELECT FROM users WHERE id = %s FOR NO KEY UPDATE", [thief.pk])
        with ThreadPoolExecutor(1) as clerk, pytest.raises(OperationalError):
            clerk.submit(close).result(timeout=60)
    assert not WebSession.objects.filter(user=thief).exists()
    assert not thief.api_tokens.filter(revoked_at=None).exists()
    WAYS[way](thief)
    thief.refresh_from_db()
    assert thief.deleted_at


@pytest.mark.parametrize("way", WAYS)
def test_a_session_that_begins_during_the_wait_ends_too(
    way: str, thief: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = access._set_deleted_at

    def sign_in_first(*arguments: Any) -> object:
        Client().force_login(thief)
        return really(*arguments)

    monkeypatch.setattr(access, "_set_deleted_at", sign_in_first)
    WAYS[way](thief)
    assert not WebSession.objects.filter(user=thief).exists()
