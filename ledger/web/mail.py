"""Sends emails through a mail server. If the server is slow or does not answer, only a few requests
wait for it, and only for a short time.
"""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused
from threading import BoundedSemaphore, Condition
from typing import Any

from django.core.mail.backends import smtp

MAX_PARALLEL = 2  # a web process has eight threads
MAX_PARALLEL_NOTICES = 1  # additional threads, so that emails to strangers cannot delay notices
REFUSED = (SMTPRecipientsRefused, SMTPDataError)  # errors that a working mail server returns
SECONDS = 1.0  # the longest time to wait for a turn

_is_notice: ContextVar[bool] = ContextVar("is_notice", default=False)


class MailNotSent(Exception):
    """An error for an email that was not sent: the mail server cannot be reached, is too slow, or
    refuses the email. The message contains no email address.
    """


class MailRefused(MailNotSent):
    """An error for an email or email address that a working mail server refuses."""


class TurnsInOrder:
    """A queue for sending emails. Users get turns in the order of their arrival, one turn per user
    at a time. With a semaphore, a later request could get a free turn before an earlier request.
    """

    def __init__(self, most: int) -> None:
        self._most, self._changed = most, Condition()
        # The first `most` users have a turn, and the other users wait.
        self._line: list[Hashable] = []

    @contextmanager
    def of(self, person: Hashable) -> Iterator[None]:
        """Waits for a turn of this user and then runs the block. Raises MailNotSent if the user
        gets no turn in time.
        """
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
    """Sends the emails in the block as notices, which inform a user about a change to the user's
    sign-in.

    Notices wait for separate turns, so that other emails or many changes by one user cannot block
    the notices. Raises MailNotSent.
    """
    with _notices.of(person):
        before = _is_notice.set(True)
        try:
            yield
        finally:
            _is_notice.reset(before)


class MailBackend(smtp.EmailBackend):
    """Django's SMTP backend, in which every failure raises `MailNotSent`. EMAIL_TIMEOUT
    limits the wait for each reply of the mail server.
    """

    _turns = BoundedSemaphore(MAX_PARALLEL)

    def send_messages(self, email_messages: Any) -> int:
        """Sends all emails and returns their number. Raises MailNotSent or its subclass
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
