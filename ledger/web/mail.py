"""Mail through a server that may be slow or down: it holds up few pages, and for a short time."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused
from threading import BoundedSemaphore, Condition
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


class TurnsInOrder:
    """Turns that people take in the order in which they came, each person one at a time. A
    semaphore would give a turn to whoever asks at the moment when it is free.
    """

    def __init__(self, at_once: int) -> None:
        self._at_once, self._changed = at_once, Condition()
        self._line: list[Hashable] = []  # first those whose turn it is

    @contextmanager
    def of(self, person: Hashable) -> Iterator[None]:
        """Runs the block in a turn of this person. Raises MailNotSent if none comes in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: person not in self._line, SECONDS):
                raise MailNotSent("too many mails of this person at once")
            self._line.append(person)
            if not self._changed.wait_for(lambda: self._has_turn(person), SECONDS):
                self._leave(person)
                raise MailNotSent("too many mails at once")
        try:
            yield
        finally:
            with self._changed:
                self._leave(person)

    def _has_turn(self, person: Hashable) -> bool:
        return person in self._line[: self._at_once]

    def _leave(self, person: Hashable) -> None:
        self._line.remove(person)
        self._changed.notify_all()


_notices = TurnsInOrder(NOTICES_AT_ONCE)


@contextmanager
def as_notice(person: Hashable) -> Iterator[None]:
    """Mails sent within the block tell this person of what has happened to their sign-in. They have
    turns of their own: whoever asks for many other mails at once could keep one from leaving, and
    so could whoever changes much. Raises MailNotSent.
    """
    with _notices.of(person):
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

    def send_messages(self, email_messages: Any) -> int:
        """Sends them all and returns how many. Raises MailNotSent, or its MailRefused."""
        if _is_notice.get():
            return self._send_all(email_messages)
        if not self._turns.acquire(timeout=SECONDS):
            raise MailNotSent("too many mails at once")
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
