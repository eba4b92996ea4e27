"""Mail through a server that may be slow or down. It delays only a few pages for a short time."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused
from threading import BoundedSemaphore, Condition
from typing import Any

from django.core.mail.backends import smtp

MAX_PARALLEL = 2  # of the eight threads of a web process
MAX_PARALLEL_NOTICES = 1  # of the other threads, so that mails for strangers cannot delay notices
REFUSED = (SMTPRecipientsRefused, SMTPDataError)  # errors of a server that works
SECONDS = 1.0  # the longest wait for a turn

_is_notice: ContextVar[bool] = ContextVar("is_notice", default=False)


class MailNotSent(Exception):
    """Raised if the mail server cannot be reached, is too slow, or refuses the mail. The message
    does not contain an email address.
    """


class MailRefused(MailNotSent):
    """Raised if the mail server works, but refuses this mail or this email address."""


class TurnsInOrder:
    """Turns in the order of arrival, one at a time for each user. With a semaphore, a later request
    could get a free turn before one that waits.
    """

    def __init__(self, most: int) -> None:
        self._most, self._changed = most, Condition()
        self._line: list[Hashable] = []  # the first `most` users have a turn, the others wait

    @contextmanager
    def of(self, person: Hashable) -> Iterator[None]:
        """Runs the block in a turn of this user. Raises MailNotSent if there is no turn in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: person not in self._line, SECONDS):
                raise MailNotSent("too many parallel mails for this user")
            self._line.append(person)
            if not self._changed.wait_for(lambda: self._has_turn(person), SECONDS):
                self._leave(person)
                raise MailNotSent("too many parallel mails")
        try:
            yield
        finally:
            with self._changed:
                self._leave(person)

    def _has_turn(self, person: Hashable) -> bool:
        return person in self._line[: self._most]

    def _leave(self, person: Hashable) -> None:
        self._line.remove(person)
        self._changed.notify_all()


_notices = TurnsInOrder(MAX_PARALLEL_NOTICES)


@contextmanager
def as_notice(person: Hashable) -> Iterator[None]:
    """Marks mails in the block as notices, which inform this user about changes to their sign-in.

    Notices have separate turns, one at a time for each user, so that other mails, or many changes
    by one user, cannot block them. Raises MailNotSent.
    """
    with _notices.of(person):
        before = _is_notice.set(True)
        try:
            yield
        finally:
            _is_notice.reset(before)


class MailBackend(smtp.EmailBackend):
    """Django's SMTP backend, in which every failure is a `MailNotSent`. It waits for each reply of
    the server for at most LEDGER_MAIL_TIMEOUT.
    """

    _turns = BoundedSemaphore(MAX_PARALLEL)

    def send_messages(self, email_messages: Any) -> int:
        """Sends all mails and returns their number. Raises MailNotSent, or its subclass
        MailRefused.
        """
        if _is_notice.get():
            return self._send_all(email_messages)
        if not self._turns.acquire(timeout=SECONDS):
            raise MailNotSent("too many parallel mails")
        try:
            return self._send_all(email_messages)
        finally:
            self._turns.release()

    def _send_all(self, email_messages: Any) -> int:
        try:
            return super().send_messages(email_messages) or 0
        except REFUSED as error:
            raise MailRefused(type(error).__name__) from None
        except (OSError, SMTPException, UnicodeError) as error:
            raise MailNotSent(type(error).__name__) from None
