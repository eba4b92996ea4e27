"""Where a message for the next page waits: in a cookie, or in the session if it is long."""

from typing import Any

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.contrib.messages.storage.base import Message
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage

from ledger.web.encryption import fernet

LIFETIME = 60 * 60  # seconds
PURPOSE = b"ledger: messages for the next page"


def cookie_name() -> str:
    """The name of the cookie; with HTTPS one that only this host can set."""
    return "__Host-messages" if settings.LEDGER_HTTPS else "messages"


class _OwnCookie(CookieStorage):
    """Django's signed cookie, encrypted: a message may name a person or an amount, and a cookie of
    Django's can be read by whoever has the browser or its backup. It is for the session of its
    request alone, and for an hour, because a page would print it for whoever sends it back.
    """

    @property
    def cookie_name(self) -> str:  # type: ignore[override]
        return cookie_name()

    def _encode_parts(self, messages: Any, encode_empty: bool = False) -> str | None:
        signed: str | None = super()._encode_parts(messages, encode_empty)  # type: ignore[misc]
        if not signed:
            return None
        return fernet(PURPOSE).encrypt(f"{self._session()} {signed}".encode()).decode()

    def _decode(self, data: str | None) -> list[Message] | None:
        if not data:
            return None
        try:
            text = fernet(PURPOSE).decrypt(data.encode(), ttl=LIFETIME).decode()
        except InvalidToken:
            return None
        session, _, signed = text.partition(" ")
        if session != self._session():
            return None
        found: list[Message] | None = super()._decode(signed)  # type: ignore[misc]
        return found

    def _session(self) -> str:
        """The key of the session of whoever is signed in; "" for a stranger."""
        is_stranger = not self.request.user.is_authenticated
        return "" if is_stranger else self.request.session.session_key or ""


class MessageStorage(FallbackStorage):
    """Django's default, with a cookie that no other host can set and nobody can read."""

    storage_classes = (_OwnCookie, SessionStorage)
