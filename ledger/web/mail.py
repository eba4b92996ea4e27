"""Mail through a server that may be slow or down: it holds up few pages, and for a short time."""

from smtplib import SMTPException
from threading import BoundedSemaphore
from typing import Any

from django.core.mail.backends import smtp

AT_ONCE = 2  # of the eight threads of a web process
SECONDS = 1.0  # the longest that another waits for its turn


class MailNotSent(Exception):
    """The mail server cannot be reached, is too slow, or refuses the mail. Names no address."""


class MailBackend(smtp.EmailBackend):
    """Django's. Whatever fails is `MailNotSent`, after LEDGER_MAIL_TIMEOUT at the latest for each
    answer of the server.
    """

    _turns = BoundedSemaphore(AT_ONCE)

    def send_messages(self, email_messages: Any) -> int:
        """Sends them all and returns how many. Raises MailNotSent."""
        if not self._turns.acquire(timeout=SECONDS):
            raise MailNotSent("too many mails at once")
        try:
            return super().send_messages(email_messages) or 0
        except (OSError, SMTPException, UnicodeError) as error:
            raise MailNotSent(type(error).__name__) from None
        finally:
            self._turns.release()
