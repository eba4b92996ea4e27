"""The cookie of messages: read by the next page, and by nobody who looks at it."""

import base64
import re
import time
import zlib
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages import constants
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings

from accounts.models import User
from ledger.web.message_cookie import LIFETIME, MessageStorage
from tests.factories import UserFactory
from tests.pages import text_of
from tests.sign_in import prove

SENTENCE = "You sent 950.00 EUR to Maria Lopez."
OTHER_KEY = "n" * 40 + "0123456789"


class SessionInMemory(dict[str, Any]):
    """Of a request, in memory."""

    session_key: str


def asked(cookie: str = "", session: str = "") -> Any:
    request: Any = RequestFactory().get("/")
    request.session = SessionInMemory()
    request.session.session_key = session
    request.user = User() if session else AnonymousUser()
    if cookie:
        request.COOKIES["messages"] = cookie
    return request


def stored(text: str = SENTENCE, session: str = "") -> str:
    """The value of the cookie that a page sets with this message."""
    response, storage = HttpResponse(), MessageStorage(asked(session=session))
    storage.add(constants.SUCCESS, text)
    storage.update(response)
    return response.cookies["messages"].value


def read(cookie: str, session: str = "") -> tuple[list[str], HttpResponse]:
    """The messages of the next page, and its answer."""
    storage, response = MessageStorage(asked(cookie, session)), HttpResponse()
    found = [str(message) for message in storage]
    storage.update(response)
    return found, response


def decoded(text: str) -> str:
    """Every piece of the text that is base64, as far as it can be read, also where packed."""
    pieces = []
    for piece in re.findall(r"[A-Za-z0-9_-]{8,}", text):
        raw = base64.urlsafe_b64decode(piece[: len(piece) // 4 * 4])
        pieces.append(raw)
        try:
            pieces.append(zlib.decompressobj().decompress(raw))
        except zlib.error:
            continue
    return b" ".join(pieces).decode("latin-1")


def test_the_next_page_reads_the_message_once() -> None:
    found, response = read(stored())
    assert found == [SENTENCE]
    assert response.cookies["messages"]["max-age"] == 0


@pytest.mark.parametrize("text", [SENTENCE, f"{SENTENCE} " * 8])
def test_whoever_looks_at_the_cookie_reads_nothing(text: str) -> None:
    cookie = stored(text)
    assert len(cookie) > 100
    seen = cookie + decoded(cookie)
    seen += decoded(decoded(cookie).encode("ascii", "ignore").decode())
    assert not any(word in seen for word in ("950", "Maria", "Lopez", "sent"))


@pytest.mark.parametrize("change", ["cut", "other key", "of a version before"])
def test_a_cookie_that_is_not_ours_is_not_read(change: str) -> None:
    cookie = stored()
    if change == "cut":
        cookie = cookie[:-9]
    if change == "other key":
        with override_settings(SECRET_KEY=OTHER_KEY):
            cookie = stored()
    if change == "of a version before":
        cookie = "W1siX19qc29uX21lc3NhZ2UiLDAsMjUsIlllcyIsIiJdXQ:1vMabc:c2lnbmF0dXJl"
    assert read(cookie)[0] == []


def test_an_earlier_secret_key_still_reads() -> None:
    with override_settings(SECRET_KEY=OTHER_KEY):
        cookie = stored()
    with override_settings(SECRET_KEY_FALLBACKS=[OTHER_KEY]):
        assert read(cookie)[0] == [SENTENCE]


def test_only_the_session_of_the_message_reads_it() -> None:
    cookie = stored(session="one")
    assert [read(cookie, session)[0] for session in ("one", "two", "")] == [[SENTENCE], [], []]


def test_an_old_message_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    cookie, now = stored(session="one"), time.time()
    monkeypatch.setattr("cryptography.fernet.time.time", lambda: now + LIFETIME + 2)
    assert read(cookie, "one")[0] == []


@pytest.mark.django_db
def test_a_page_that_redirects_has_its_message_read(client: Client) -> None:
    ana: User = UserFactory()
    client.force_login(ana)
    prove(client, ana)
    client.post("/account/2fa/recovery-codes/")  # who has no second factor is told so
    assert "second" not in decoded(client.cookies["messages"].value)
    assert "replace a lost passkey" in text_of(client.get("/account/security/"))
