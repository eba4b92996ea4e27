"""Creates the page for a database failure, with a message and status 503."""

from typing import Any

from django.db import DEFAULT_DB_ALIAS, Error, InterfaceError, OperationalError, connections
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse

from ledger.db.retry import Failure, NotConfirmed, failure_of
from ledger.web import problem_details
from ledger.web.kept_forms import MAY_BE_BOOKED, books_nothing, kept_form

SECONDS_TO_WAIT = 2
# A request that waits for locks may be waiting for an earlier attempt with the same form. While the
# COMMIT of that attempt waits for a standby, it has the locks, and its row is not visible yet.
THIS_ATTEMPT = (
    " If you were making a payment, this attempt booked nothing, but an earlier attempt may have"
    " booked it. Go back and send the same form again. We book a payment only once, even if you"
    " send it several times."
)
# Messages for pages that only read. They do not mention bookings.
TEXTS_OF_READS = {
    Failure.LOST_RACE: (
        "This page has to wait",
        "Data for this page is being changed, and that took too long.",
    ),
    Failure.TIMED_OUT: (
        "This took too long",
        (
            "This page took longer than a page may take, so it was stopped. Try again, or "
            "request less data."
        ),
    ),
    Failure.NOT_STARTED: (
        "The database cannot be reached",
        "The database does not answer at the moment.",
    ),
    Failure.UNKNOWN: (
        "The connection was lost",
        "The connection to the database was lost before the database answered.",
    ),
    Failure.FINAL: (
        "The database has a problem",
        "The database cannot do this at the moment. The bank has to repair it.",
    ),
}
# Additional text for pages that may book a payment.
FOR_BOOKINGS = {
    Failure.TIMED_OUT: THIS_ATTEMPT,
    Failure.NOT_STARTED: " Try again soon." + THIS_ATTEMPT,
    Failure.UNKNOWN: (
        " If you were making a payment, we do not know yet whether it is booked. Go back and send"
        " the same form again. We book a payment only once, even if you send it several times."
    ),
    Failure.FINAL: THIS_ATTEMPT,
}
TEXTS_OF_BOOKINGS = {
    Failure.LOST_RACE: (
        "These accounts are busy",
        (
            "Other payments on the same account were being booked, and that took too long."
            + THIS_ATTEMPT
        ),
    ),
    **{
        failure: (TEXTS_OF_READS[failure][0], TEXTS_OF_READS[failure][1] + more)
        for failure, more in FOR_BOOKINGS.items()
    },
}


NOT_CONFIRMED = (
    "Not confirmed yet",
    (
        "The database answered, but its second copy has not confirmed this yet. If you were "
        "making a payment, we do not know yet whether it is booked. Go back and send the same form "
        "again. We book a payment only once, even if you send it several times."
    ),
)
NOT_CONFIRMED_TO_A_READ = (
    "Not confirmed yet",
    "The database answered, but its second copy has not confirmed yet what this page wrote.",
)
NOT_LOST = " Go back to find what you typed."
GO_BACK = " This step books nothing. Go back and try again."
BY_ITSELF = " This page tries again automatically every two seconds."
# Failures that may end soon, for example while a server restarts or a standby is promoted. The page
# then tries again automatically.
SOON_OVER = frozenset({Failure.NOT_STARTED, Failure.UNKNOWN})
KEPT = (
    "Your form is kept on this page, and we may have booked it already. Send it again from here,"
    " now or later. We book it only once, even if you send it several times."
)
KEPT_NOT_STARTED = (
    "This attempt booked nothing. Your form is kept on this page. Send it again from here, now or"
    " later. We book it only once, even if you send it several times."
)
KEPT_STEP = (
    "This step books nothing. Your form is kept on this page. Try again from here, now or later."
)


def page_for(request: HttpRequest, error: BaseException | None) -> HttpResponse | None:
    """Returns the page for a database failure. Returns None if the error is not a database failure
    but a bug.
    """
    if not isinstance(error, Error | InterfaceError):
        return None
    failure = failure_of(error)
    if failure is Failure.FINAL and not isinstance(error, OperationalError):
        return None
    again, label = _button_for(request)
    form = kept_form(request)
    # NotConfirmed means that an earlier attempt with the same id was booked, and this step has
    # found it.
    is_step = books_nothing(request) and not isinstance(error, NotConfirmed)
    is_read = again is not None or is_step
    tries_again = failure in SOON_OVER or (is_read and failure is Failure.LOST_RACE)
    title, sentence = _texts_for(failure, error, is_read=is_read)
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
    """Stores on the request how many answers the database has sent so far. `page_for` uses this
    number to find out whether the view has used the database.
    """
    request.answers_before = _answers()  # type: ignore[attr-defined]


def _answers() -> int:
    database: Any = connections[DEFAULT_DB_ALIAS]
    return int(database.answers)


def _may_be_booked(request: HttpRequest, failure: Failure, form: list[tuple[str, str]]) -> bool:
    """Returns whether this attempt or an earlier attempt may have booked the form. Returns False
    only if this is the first attempt and the database has not answered it. Any other attempt may
    have committed before it failed.
    """
    before = getattr(request, "answers_before", None)  # None if the request failed before the view
    has_done_something = before is not None and _answers() != before
    is_repeat = (MAY_BE_BOOKED, "1") in form
    return failure is not Failure.NOT_STARTED or has_done_something or is_repeat


def _marked(form: list[tuple[str, str]]) -> list[tuple[str, str]]:
    marker = (MAY_BE_BOOKED, "1")
    return form if marker in form else [*form, marker]


def _button_for(request: HttpRequest) -> tuple[str | None, str]:
    """Returns the URL and the label of the button on the page. If the request only reads or signs
    in, the URL is the URL of the request. Otherwise the URL is None.
    """
    if request.method in ("GET", "HEAD"):
        return request.get_full_path(), "Try again"
    if request.path == reverse("account_login"):
        return request.get_full_path(), "Sign in again"
    return None, ""


def _texts_for(failure: Failure, error: BaseException, *, is_read: bool) -> tuple[str, str]:
    """Returns the title and the message for a failure. `is_read` is whether the request books
    nothing.
    """
    if isinstance(error, NotConfirmed):
        return NOT_CONFIRMED_TO_A_READ if is_read else NOT_CONFIRMED
    return TEXTS_OF_READS[failure] if is_read else TEXTS_OF_BOOKINGS[failure]


def page(
    title: str,
    sentence: str,
    again: str | None,
    label: str = "Try again",
    status: int = 503,
    **further: Any,
) -> HttpResponse:
    """Returns a page that explains what happened. With status 429 or 503, the response has the
    header Retry-After.

    `again` is the URL of the button (None: the home page). `further` contains more variables for
    the template:

    - `form` contains the name and value of each field that the page sends again, and `path` is the
      URL to which the page sends them.
    - `tries_again` is the number of seconds after which the page tries again.
    """
    # The template does not get the request, because reading the user would need the database.
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
    """Returns the response for a request that was not processed, with status 429 or 503. API calls
    get problem details, and other requests get a page. If the request has sent a form with an id
    and can be repeated soon, the page contains the form, so that the user can send it again.

    `seconds` is the value of Retry-After.
    """
    if problem_details.is_call(request):
        return problem_details.problem(status, slug, sentence, {"Retry-After": str(seconds)})
    again, label = _button_for(request)
    form = kept_form(request) if seconds == SECONDS_TO_WAIT else []
    if form and books_nothing(request):
        more, label = f" {KEPT_STEP}", "Try again"
    elif form:
        more, label = f" {KEPT_NOT_STARTED}", "Send again"
    else:
        more = "" if again else NOT_LOST
    path = request.get_full_path()
    answer = page(title, sentence + more, again, label, status=status, form=form, path=path)
    answer["Retry-After"] = str(seconds)
    return answer
