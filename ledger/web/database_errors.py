"""The page shown when the database fails: a sentence, with status 503."""

from typing import Any

from django.db import DEFAULT_DB_ALIAS, Error, InterfaceError, OperationalError, connections
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse

from ledger.db.retry import Failure, NotConfirmed, failure_of
from ledger.web import problem_details
from ledger.web.kept_forms import MAY_BE_BOOKED, books_nothing, kept_form

SECONDS_TO_WAIT = 2
# Whoever waits for locks or time may wait for their own form: an earlier COMMIT that waits for a
# standby has the locks, and nobody sees its row yet.
THIS_ATTEMPT = (
    " If you were booking something, this attempt booked nothing, but an earlier one may have: go"
    " back and send the same form again. A payment is booked once, however often it is sent."
)
# A page that only reads cannot know of a payment sent elsewhere, so it says nothing of bookings.
OF_A_READ = {
    Failure.LOST_RACE: (
        "This page has to wait",
        "Something that it needs is being changed, and that took too long.",
    ),
    Failure.TIMED_OUT: (
        "This took too long",
        (
            "It took longer than a page may take, so it was stopped. Try again, or ask for less at"
            " once."
        ),
    ),
    Failure.NOT_STARTED: (
        "The database cannot be reached",
        "The database does not answer at the moment.",
    ),
    Failure.UNKNOWN: (
        "The connection was lost",
        "It was lost before the database answered.",
    ),
    Failure.FINAL: (
        "The database has a problem",
        "The database cannot do this at the moment, and somebody has to repair it.",
    ),
}
# What a page that may book says besides.
TO_WHO_BOOKS = {
    Failure.TIMED_OUT: THIS_ATTEMPT,
    Failure.NOT_STARTED: " Try again soon." + THIS_ATTEMPT,
    Failure.UNKNOWN: (
        " If you were booking something, we do not know yet whether it is booked: go back and send"
        " the same form again. A payment is booked once, however often it is sent."
    ),
    Failure.FINAL: THIS_ATTEMPT,
}
SENTENCES = {
    Failure.LOST_RACE: (
        "These accounts are busy",
        (
            "Others were booking on the same account, and it did not become free in time."
            + THIS_ATTEMPT
        ),
    ),
    **{
        failure: (OF_A_READ[failure][0], OF_A_READ[failure][1] + more)
        for failure, more in TO_WHO_BOOKS.items()
    },
}


NOT_CONFIRMED = (
    "Not confirmed yet",
    (
        "The database answered, but its second copy did not confirm that it has this too. If you "
        "were booking something, we cannot tell you yet that it is booked: go back and send the "
        "same form again. A payment is booked once, however often it is sent."
    ),
)
NOT_CONFIRMED_TO_A_READ = (
    "Not confirmed yet",
    "The database answered, but its second copy did not confirm what this page wrote.",
)
NOT_LOST = " Go back to find what you typed."
GO_BACK = " This step books nothing: go back and try again."
BY_ITSELF = " This page tries again by itself every two seconds."
# What may be over soon: a server that restarts, a standby that is promoted. The page tries again.
SOON_OVER = frozenset({Failure.NOT_STARTED, Failure.UNKNOWN})
KEPT = (
    "What you sent is kept on this page, and we may have booked it already. Send it again from"
    " here, now or later. It is booked once, however often it is sent."
)
KEPT_NOT_STARTED = (
    "This attempt booked nothing. What you sent is kept on this page. Send it again from here, now"
    " or later. It is booked once, however often it is sent."
)
KEPT_STEP = (
    "This step books nothing. What you typed is kept on this page. Try again from here, now or"
    " later."
)


def page_for(request: HttpRequest, error: BaseException | None) -> HttpResponse | None:
    """Returns the page for a database failure; None for any other error, which is a bug."""
    if not isinstance(error, Error | InterfaceError):
        return None
    failure = failure_of(error)
    if failure is Failure.FINAL and not isinstance(error, OperationalError):
        return None
    again, label = _way_on(request)
    form = kept_form(request)
    # What is not confirmed is booked, by an earlier attempt with the same id, and this step saw it.
    is_step = books_nothing(request) and not isinstance(error, NotConfirmed)
    is_read = again is not None or is_step
    tries_again = failure in SOON_OVER or (is_read and failure is Failure.LOST_RACE)
    title, sentence = _said(failure, error, is_read=is_read)
    if form and is_step:
        sentence, label = KEPT_STEP, "Try again"
    elif form:
        sentence, label = KEPT_NOT_STARTED, "Send again"
        if _may_be_booked(request, failure, form):
            sentence, form = KEPT, _marked(form)
    elif is_step:
        sentence += GO_BACK
    elif again and tries_again:
        sentence += BY_ITSELF
    return page(
        title,
        sentence,
        again,
        label,
        path=request.get_full_path(),
        form=form,
        tries_again=SECONDS_TO_WAIT if tries_again else 0,
    )


def note_start(request: HttpRequest) -> None:
    """Notes how far the database is before the view, so that a page can tell what the view did."""
    request.answers_before = _answers()  # type: ignore[attr-defined]


def _answers() -> int:
    database: Any = connections[DEFAULT_DB_ALIAS]
    return int(database.answers)


def _may_be_booked(request: HttpRequest, failure: Failure, form: list[tuple[str, str]]) -> bool:
    """Whether this attempt or an earlier one may have booked the form. Only a request without a
    connection surely booked nothing: any other may have committed before it failed.
    """
    before = getattr(request, "answers_before", None)  # None: it failed before the view
    has_done_something = before is not None and _answers() != before
    is_repeat = (MAY_BE_BOOKED, "1") in form
    return failure is not Failure.NOT_STARTED or has_done_something or is_repeat


def _marked(form: list[tuple[str, str]]) -> list[tuple[str, str]]:
    marker = (MAY_BE_BOOKED, "1")
    return form if marker in form else [*form, marker]


def _way_on(request: HttpRequest) -> tuple[str | None, str]:
    """The address of the button and its words: a page that only reads is asked for again, and so
    is the one where people sign in, which books nothing.
    """
    if request.method in ("GET", "HEAD"):
        return request.get_full_path(), "Try again"
    if request.path == reverse("account_login"):
        return request.get_full_path(), "Sign in again"
    return None, ""


def _said(failure: Failure, error: BaseException, *, is_read: bool) -> tuple[str, str]:
    if isinstance(error, NotConfirmed):
        return NOT_CONFIRMED_TO_A_READ if is_read else NOT_CONFIRMED
    return OF_A_READ[failure] if is_read else SENTENCES[failure]


def page(
    title: str,
    sentence: str,
    again: str | None,
    label: str = "Try again",
    status: int = 503,
    **further: Any,
) -> HttpResponse:
    """The page that says what happened. `again` is the URL of its button; None leads home. Says
    when to try again where that can help. `further`: the fields of a kept `form` and its `path`,
    and after how many seconds the page `tries_again` by itself.
    """
    # Without the request: reading the user would need the database.
    context = {
        "title": title,
        "sentence": sentence,
        "again": again,
        "label": label,
        "status": status,
        **further,
    }
    html = render_to_string("503.html", context)
    headers = {"Cache-Control": "no-store"}
    if status in (429, 503):
        headers["Retry-After"] = str(SECONDS_TO_WAIT)
    return HttpResponse(html, status=status, headers=headers)


def turned_away(
    request: HttpRequest,
    status: int,
    slug: str,
    title: str,
    sentence: str,
    seconds: int = SECONDS_TO_WAIT,
) -> HttpResponse:
    """The answer to a request that was not begun, 429 or 503: a problem or a page. Both say after
    how many seconds to try again.
    """
    if problem_details.is_call(request):
        return problem_details.problem(status, slug, sentence, {"Retry-After": str(seconds)})
    again = request.get_full_path() if request.method in ("GET", "HEAD") else None
    answer = page(title, sentence if again else sentence + NOT_LOST, again, status=status)
    answer["Retry-After"] = str(seconds)
    return answer
