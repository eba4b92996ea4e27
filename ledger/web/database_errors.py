"""The page shown when the database fails: a sentence, with status 503."""

import sys

from django.db import Error, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views import defaults

from ledger.db.retry import Failure, failure_of

SECONDS_TO_WAIT = 2
SENTENCES = {
    Failure.LOST_RACE: (
        "These accounts are busy",
        (
            "Others were booking on the same account, and it did not come free in time. "
            "What was being booked was undone. Wait a moment, go back and send it again: what "
            "is booked already is not booked twice."
        ),
    ),
    Failure.TIMED_OUT: (
        "This took too long",
        (
            "It was stopped after the longest time a page may take, and what was being booked "
            "was undone. Try again, or ask for less at once."
        ),
    ),
    Failure.NOT_STARTED: (
        "The database cannot be reached",
        (
            "The database does not answer at the moment. What was being booked was undone. "
            "Try again soon."
        ),
    ),
    Failure.UNKNOWN: (
        "The connection was lost",
        (
            "It went away while this was being done, so we cannot say yet whether it was. "
            "Go back and send the same form again: a payment is booked once, however often it is "
            "sent."
        ),
    ),
    Failure.FINAL: (
        "The database has a problem",
        (
            "The database cannot do this at the moment, and somebody has to look at it. "
            "What was being booked was undone."
        ),
    ),
}


def page_for(request: HttpRequest, error: BaseException | None) -> HttpResponse | None:
    """Returns the page for a failure of the database; None for any other error: a bug."""
    if not isinstance(error, Error | InterfaceError):
        return None
    failure = failure_of(error)
    if failure is Failure.FINAL and not isinstance(error, OperationalError):
        return None
    title, sentence = SENTENCES[failure]
    again = request.get_full_path() if request.method in ("GET", "HEAD") else None
    return page(title, sentence, again)


def page(title: str, sentence: str, again: str | None, label: str = "Try again") -> HttpResponse:
    """The page that says what happened; `again` is the address its button leads to."""
    # Without the request: reading the user would need the database.
    context = {"title": title, "sentence": sentence, "again": again, "label": label}
    html = render_to_string("503.html", context)
    headers = {"Retry-After": str(SECONDS_TO_WAIT), "Cache-Control": "no-store"}
    return HttpResponse(html, status=503, headers=headers)


def server_error(request: HttpRequest) -> HttpResponse:
    """`handler500`: also for what fails outside of a view, such as looking who is signed in."""
    return page_for(request, sys.exc_info()[1]) or defaults.server_error(request)
