"""Mail through a server that may be slow or down: it holds up few pages, and for a short time."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused
from threading import BoundedSemaphore
from typing import Any

from django.core.mail.backends import smtp

AT_ONCE = 2  # of the eight threads of a web process
NOTICES_AT_ONCE = 1  # of the others: strangers who ask for mails hold up no notice
REFUSED = (SMTPRecipientsRefused, SMTPDataError)  # the server is there
SECONDS = 1.0  # the longest that another waits for its turn

_is_notice: ContextVar[bool] = ContextVar("is_notice", default=False)


class MailNotSent(Exception):
    """The mail server cannot be reached, is too slow, or refuses the mail. Names no address."""


class MailRefused(MailNotSent):
    """The mail server answers and does not take this mail, or not for this address."""


@contextmanager
def as_notice() -> Iterator[None]:
    """Mails sent within the block tell people of what has happened to their sign-in. They have a
    turn of their own: whoever asks for many other mails at once could keep one from leaving.
    """
    before = _is_notice.set(True)
    try:
        yield
    finally:
        _is_notice.reset(before)


class MailBackend(smtp.EmailBackend):
    """Django's. Whatever fails is `MailNotSent`, after LEDGER_MAIL_TIMEOUT at the latest for each
    answer of the server.
    """

    _turns = BoundedSemaphore(AT_ONCE)
    _turns_of_notices = BoundedSemaphore(NOTICES_AT_ONCE)

    def send_messages(self, email_messages: Any) -> int:
        """Sends them all and returns how many. Raises MailNotSent, or its MailRefused."""
        turns = self._turns_of_notices if _is_notice.get() else self._turns
        if not turns.acquire(timeout=SECONDS):
            raise MailNotSent("too many mails at once")
        try:
            return super().send_messages(email_messages) or 0
        except REFUSED as error:
            raise MailRefused(type(error).__name__) from None
        except (OSError, SMTPException, UnicodeError) as error:
            raise MailNotSent(type(error).__name__) from None
        finally:
            turns.release()
