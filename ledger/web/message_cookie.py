"""Where a message for the next page waits: in a cookie, or in the session if it is long."""

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage


def cookie_name() -> str:
    """The name of the cookie; with HTTPS one that only this host can set."""
    return "__Host-messages" if settings.LEDGER_HTTPS else "messages"


class _OwnCookie(CookieStorage):
    @property
    def cookie_name(self) -> str:  # type: ignore[override]
        return cookie_name()


class MessageStorage(FallbackStorage):
    """Django's default, with a name for its cookie that no other host can set."""

    storage_classes = (_OwnCookie, SessionStorage)
