"""The cookie of messages: read by the next page, and by nobody who looks at it."""

import base64
import re
import zlib
from typing import Any

import pytest
from django.contrib.messages import constants
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings

from accounts.models import User
from ledger.web.message_cookie import MessageStorage
from tests.factories import UserFactory
from tests.pages import text_of
from tests.sign_in import prove

SENTENCE = "You sent 950.00 EUR to Maria Lopez."
OTHER_KEY = "n" * 40 + "0123456789"


def asked(cookie: str = "") -> Any:
    request: Any = RequestFactory().get("/")
    request.session = {}
    if cookie:
        request.COOKIES["messages"] = cookie
    return request


def stored(text: str = SENTENCE) -> str:
    """The value of the cookie that a page sets with this message."""
    response, storage = HttpResponse(), MessageStorage(asked())
    storage.add(constants.SUCCESS, text)
    storage.update(response)
    return response.cookies["messages"].value


def read(cookie: str) -> tuple[list[str], HttpResponse]:
    """The messages of the next page, and its answer."""
    storage, response = MessageStorage(asked(cookie)), HttpResponse()
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


@pytest.mark.django_db
def test_a_page_that_redirects_has_its_message_read(client: Client) -> None:
    ana: User = UserFactory()
    client.force_login(ana)
    prove(client, ana)
    client.post("/account/2fa/recovery-codes/")  # who has no second factor is told so
    assert "second" not in decoded(client.cookies["messages"].value)
    assert "stand in for a lost passkey" in text_of(client.get("/account/security/"))
