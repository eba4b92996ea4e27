"""Middleware for reads from replicas, sessions, limits, failures, messages and a required setup."""

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from http import HTTPStatus
from typing import Any, cast

from django.contrib import messages
from django.contrib.messages import middleware as message_middleware
from django.contrib.sessions import middleware as session_middleware
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import MiddlewareNotUsed
from django.db import Error
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.urls import reverse

from accounts import sent_bytes
from accounts.exceptions import LedgerError
from accounts.security.second_factor_rule import redirect_to_second_factor, stays_open
from accounts.sign_in.session_store import ABSOLUTE, IDLE, SessionStore, times_for
from ledger.db import replicas
from ledger.db.outages import reasons
from ledger.web import database_errors, health, outages, running_requests
from ledger.web.mail import MailNotSent
from ledger.web.redirects import redirect_and_return

CHANGED = "Your password was changed, so you were signed out here. Sign in with the new password."
FROM_ELSEWHERE = {
    "by_person": "You were signed out here from another of your devices. Sign in again.",
    "by_staff": "The bank has signed you out on all devices. Sign in again.",
    "password_changed": CHANGED,
    "password_reset": CHANGED,
    "address_changed": "Your main address was changed, so you were signed out here. Sign in again.",
    "factors_removed": (
        "The bank has removed your second factors and signed you out on all devices. Sign in again."
    ),
    "sign_in_closed": "You were signed out because this sign-in was closed.",
}
NO_MAIL = (
    "No mail could be sent",
    "This page has to send a mail, but the mail server does not answer. Try again later.",
)

logger = logging.getLogger(__name__)


class ReplicaMiddleware:
    """Middleware that lets pages of signed-in users read from replicas. After a request that has
    written, it stores the WAL position in the session: see Note [Where a read goes].

    This middleware must precede the middleware that reads the session. Without replicas, Django
    does not use it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if not replicas.aliases():
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        replicas.replicas()  # starts the checks of the replicas, once per process
        reads = replicas.RequestReads(
            lambda: cast("SessionStore", request.session).needed,
            lambda: _is_known(request),
        )
        with replicas.request_reads(reads):
            response = self.get_response(request)
        if (
            isinstance(request.session, SessionStore)
            and request.path_info not in health.STATUS_PAGES
        ):
            _note(request.session, has_written=reads.has_written)
        if response.streaming and not isinstance(response, FileResponse):
            stream = cast("StreamingHttpResponse", response)
            stream.streaming_content = _within(
                reads, request.session, cast("Iterable[bytes]", stream.streaming_content)
            )
        return response


def _note(session: SessionStore, *, has_written: bool) -> None:
    """Stores the WAL position in the session, if the request has written. A replica must have
    replayed this position before it serves the session. Also writes a new marker of the writer if
    the primary has changed: see Note [Writer's mark]. An error is only logged, because the user's
    write is already committed.
    """
    try:
        if has_written:
            session.note_position()
        session.note_writer()
    except Error as error:  # the user's write is already committed
        why = reasons.in_words(error)
        trace = None if outages.is_outage(error) else error
        logger.warning(
            "The position of a write could not be stored in the session: %s", why, exc_info=trace
        )


def _within(
    reads: replicas.RequestReads, session: SessionBase, content: Iterable[bytes]
) -> Iterator[bytes]:
    """Yields the parts of `content` unchanged. While a part is created, rows may be read or
    written, for example the payments of a batch. At the end, or when the client stops reading,
    stores the WAL position of the writes in the session.
    """
    parts = iter(content)
    try:
        while True:
            with replicas.request_reads(reads):
                part = next(parts, None)
            if part is None:
                return
            yield part
    finally:
        if reads.has_written and isinstance(session, SessionStore):
            _note(session, has_written=True)


def _is_known(request: HttpRequest) -> bool:
    """Returns whether the user is signed in. Returns False if the session and its user are not
    loaded yet, because this function makes no query.
    """
    user, session = getattr(request, "_cached_user", None), request.session
    is_loaded = isinstance(session, SessionStore) and session.row is not None
    return is_loaded and user is not None and user.is_authenticated


# Our scripts send this header with automatic requests, so that an open page does not prolong a
# session.
BY_ITSELF = "X-By-Itself"


class SessionMiddleware(session_middleware.SessionMiddleware):
    """Django's middleware that reads and saves the session. In addition, it records when a request
    last used the session. It must follow ReplicaMiddleware, which writes the WAL position into the
    row of the session after this class has saved the row.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        is_status = request.path_info in health.STATUS_PAGES
        by_itself = is_status or BY_ITSELF in request.headers
        if isinstance(request.session, SessionStore) and not by_itself:
            request.session.seen()
        return super().process_response(request, response)


class LimitsMiddleware:
    """Middleware that responds with status 429 if a user runs too many requests in parallel, or has
    sent too much today. It must follow LoginRequiredMiddleware, which has loaded the user, and
    precede ReadLogMiddleware, because a request counts until its read is logged.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            return self.get_response(request)
        finally:
            running_requests.end(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], *_view: Any
    ) -> HttpResponseBase | None:
        return running_requests.refusal(request, view) or sent_bytes.refusal(request)


class FailureMiddleware:
    """Middleware that responds with an error page if a view does not handle a failure. If a service
    refuses the action, the page has the status 409 and contains the reason. For example, the
    sign-in may be closed during the request. If the database or the mail server fails, the page has
    the status 503.

    It must follow ReadLogMiddleware, which also logs what these pages show.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        database_errors.note_start(request)
        return self.get_response(request)

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        if isinstance(exception, LedgerError):
            return database_errors.page(
                "Nothing was changed", str(exception), again=None, status=HTTPStatus.CONFLICT
            )
        if isinstance(exception, MailNotSent):
            logger.error("A mail could not be sent: %s", exception)
            return database_errors.page(*NO_MAIL, again=None)
        page = database_errors.page_for(request, exception)
        if page is not None:
            outages.log_failure(request, exception)
        return page


class MessageMiddleware(message_middleware.MessageMiddleware):
    """Django's middleware that stores messages for the next page. In addition, it adds a message
    that explains to a returning user why the session has ended. It must follow SessionMiddleware,
    because long messages are stored in the session.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if isinstance(request.session, SessionStore) and request.session.ended:
            messages.info(request, message_for(request.session))
        return super().process_response(request, response)


class RequiredSetupMiddleware:
    """Middleware that redirects users who must first add a second factor, or customers who must
    first enter a name. It comes last, so that all limits also count the redirected requests.

    A customer has no name after confirming a sign-up that may have been made by a stranger: see
    `accounts.sign_in.addresses.give_to_owner`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], *_view: Any
    ) -> HttpResponse | None:
        """Returns the redirect, or None if the view may run."""
        return redirect_to_second_factor(request, view) or _redirect_to_name(request, view)


def _redirect_to_name(request: HttpRequest, view: Callable[..., Any]) -> HttpResponse | None:
    if stays_open(request, view):
        return None
    user = request.user
    if not user.is_authenticated or user.name or user.is_staff or user.is_superuser:
        return None
    return redirect_and_return(request, reverse("security:choose_name"))


def message_for(session: SessionStore) -> str:
    """Returns the message that explains why the session has ended."""
    idle, absolute = times_for(is_staff=session.was_staff)
    if session.ended == IDLE:
        return f"You were signed out after {in_words(idle)} without a click. Sign in again."
    if session.ended == ABSOLUTE:
        return f"You were signed out {in_words(absolute)} after signing in. Sign in again."
    return FROM_ELSEWHERE.get(session.ended, "You were signed out. Sign in again.")


def in_words(time: timedelta) -> str:
    """Returns a time as text, in hours if it is a whole number of hours, otherwise in minutes."""
    minutes = int(time.total_seconds()) // 60
    count, unit = (minutes // 60, "hour") if minutes % 60 == 0 else (minutes, "minute")
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
