"""Middleware of sessions."""

from collections.abc import Callable
from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase

from accounts.sign_in.session_store import IDLE, SessionStore, times_for


class SessionTimesMiddleware:
    """Notes when a session was used last, and says why one has ended when its person comes back."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if isinstance(request.session, SessionStore):
            if request.session.ended:
                messages.info(request, sentence_for(request.session))
            request.session.seen()
        return response


def sentence_for(session: SessionStore) -> str:
    """Why the session has ended."""
    idle, absolute = times_for(is_staff=session.was_staff)
    if session.ended == IDLE:
        return f"You were signed out after {in_words(idle)} without a click. Sign in again."
    return f"You were signed out {in_words(absolute)} after signing in. Sign in again."


def in_words(time: timedelta) -> str:
    """The time in whole minutes, or in hours where they fit."""
    minutes = int(time.total_seconds()) // 60
    count, unit = (minutes // 60, "hour") if minutes % 60 == 0 else (minutes, "minute")
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
