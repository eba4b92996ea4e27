"""Stores messages for the next page in a cookie. If the messages are too long, stores them in the
session.
"""

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
    """Returns the name of the cookie. With HTTPS, the name has a prefix that makes browsers accept
    the cookie only from this host.
    """
    return "__Host-messages" if settings.LEDGER_HTTPS else "messages"


class _OwnCookie(CookieStorage):
    """Django's storage for messages in a signed cookie, but the cookie is also encrypted. A message
    may contain a name or an amount, and other people may have access to the browser or its backup.

    The cookie is valid for an hour and in one session, so that another user cannot send the cookie
    and read the messages.
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
        """Returns the session key of the signed-in user, or ""."""
        is_stranger = not self.request.user.is_authenticated
        return "" if is_stranger else self.request.session.session_key or ""


class MessageStorage(FallbackStorage):
    """Django's default storage for messages, but with an encrypted cookie that other hosts cannot
    set. Messages that are too long for the cookie are stored in the session.
    """

    storage_classes = (_OwnCookie, SessionStorage)
