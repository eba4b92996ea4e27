"""Logs which data of other people staff and analysts have read. The request that shows the data
writes the log.

Each response is logged, whatever its status, because a refusal may repeat a balance, a redirect
passes messages about rows to the next page, and the status 304 confirms a value. An admin page with
a query string is logged even if it finds nothing. A server error is logged only if a permission
opened rows or if the request had a query string, because a timeout may depend on the rows. Other
pages that load no personal data, such as an empty form, are not logged. Pages of customers are not
logged and cost no query. See Note [Whose data].

The row is inserted before the response is sent. If the insert fails, the page is not shown. Like a
payment, the insert waits for a synchronous standby, because otherwise a failover would lose the
row. If it is already known that no standby confirms, the page is refused immediately.

Note [Reads of a stream]: a streamed file may read rows while it is sent. If the client is slow,
this takes hours. Before a part with newly read rows is sent, the reader's access is checked again,
and people who are not yet in the log of this file are logged. Before any other part, the access is
checked if the last check was at least a second ago. If a check fails or the log cannot be written,
the file is cut off.
"""

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import cast

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.urls import reverse

from accounts.models import Account, Currency, Read, User
from accounts.models.read import LONGEST_QUERY, MAX_PEOPLE
from accounts.shown import Shown, add, add_accounts, add_unnamed, collect
from accounts.sign_in.revalidation import refuse_if_ended
from ledger.db.commits.confirmation import is_known_lost
from ledger.db.history import facts
from ledger.web import outages
from ledger.web.database_errors import page, page_for
from ledger.web.page_names import page_name
from ledger.web.request_facts import facts_of

CHECK_AFTER = 1  # seconds
_FAILED = HTTPStatus.INTERNAL_SERVER_ERROR
NOBODYS = {Currency, Group}  # models whose rows contain no personal data
logger = logging.getLogger(__name__)


class ReadLogMiddleware:
    """Middleware that logs which other people's data a page has shown, if a permission gave the
    user access to the data. These are all pages of the admin, and all other views that called
    `opened_by_right`.

    It must precede FailureMiddleware and DownloadLimitMiddleware, because it logs what their pages
    show in place of the view's response.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if len(_query(request)) > LONGEST_QUERY and _may_read_others(request):
            return _too_long()  # before the page runs queries or writes anything
        with collect() as shown:
            response = self.get_response(request)
        has_failed = response.status_code >= _FAILED
        if has_failed and not (shown.by_right or _is_question(request)):
            return response  # the user may not have been loaded, because the database failed
        if not request.user.is_authenticated:
            return response
        if not (shown.by_right or (request.user.is_staff and _in_admin(request))):
            return response
        match = request.resolver_match
        name = match.view_name if match else page_name(request.path_info)
        try:
            others = _owners(shown) - {request.user.pk}
            if others or shown.unnamed or has_failed or _is_question(request):
                response = _logged(request, name, others) or response
        except DatabaseError as error:
            if outages.is_outage(error):
                outages.log_failure(request, error)
            else:
                logger.exception("A read was not logged, so its page was not shown")
            return _failed(request, error)
        if response.streaming and not isinstance(response, FileResponse):
            stream = cast("StreamingHttpResponse", response)
            content = cast("Iterable[bytes]", stream.streaming_content)
            known = Shown(others | {request.user.pk}, shown.accounts, shown.unnamed)
            stream.streaming_content = _logged_parts(request, name, known, content)
            # Without this header, nginx would read up to 64 MB more than the client has received,
            # and the checks would run too early.
            response["X-Accel-Buffering"] = "no"
        return response


def note_entry(*, instance: LogEntry, **_signal: object) -> None:
    """Reports the people in an entry of Django's admin log to the read log. See Note [Whose
    data].
    """
    if instance.pk is None or instance.content_type_id is None:
        return
    model = ContentType.objects.get_for_id(instance.content_type_id).model_class()
    if model is User:
        add(_uuid(instance.object_id))
    elif model is Account:
        add_accounts(_uuid(instance.object_id))
    elif model not in NOBODYS:
        add_unnamed()


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None


def _may_read_others(request: HttpRequest) -> bool:
    person = request.user
    return person.is_authenticated and (person.is_staff or bool(person.get_all_permissions()))


def _in_admin(request: HttpRequest) -> bool:
    return request.path.startswith(reverse("admin:index"))


def _is_question(request: HttpRequest) -> bool:
    return _in_admin(request) and bool(request.GET)


def _query(request: HttpRequest) -> str:
    """Returns the whole query string. A shortened query string could hide search words."""
    query: str = request.META.get("QUERY_STRING", "")
    return query


def _owners(shown: Shown) -> set[uuid.UUID]:
    """Returns the ids of the people whose rows were loaded, and of the owners of the accounts of
    loaded payments.
    """
    if not shown.accounts:
        return shown.people
    accounts = Account.objects.filter(pk__in=shown.accounts)
    return shown.people | set(accounts.values_list("user_id", flat=True))


def _logged(request: HttpRequest, name: str, others: set[uuid.UUID]) -> HttpResponse | None:
    """Logs the read and returns None. If no standby can confirm the row, returns the refusal page
    immediately instead of waiting for a timeout.
    """
    if is_known_lost():
        outages.log_no_standby(request)
        return _standby_is_lost()
    _log(request, name, others)
    return None


def _logged_parts(
    request: HttpRequest, name: str, known: Shown, content: Iterable[bytes]
) -> Iterator[bytes]:
    """Yields the parts of `content` unchanged, and logs the people whose rows were read for each
    part: see Note [Reads of a stream]. `known` contains the reader and the people who are already
    logged.

    Raises: AccessEnded.
    """
    parts, checked_at = iter(content), time.monotonic()
    while True:
        with collect() as shown, facts.with_facts(lambda: facts_of(request)):
            part = next(parts, None)
            has_read = bool(shown.people or shown.accounts or shown.unnamed)
            if has_read or time.monotonic() - checked_at >= CHECK_AFTER:
                _refuse_if_ended(request)
                checked_at = time.monotonic()
            if has_read:
                _log_part(request, name, known, shown)
        if part is None:
            return
        yield part


def _refuse_if_ended(request: HttpRequest) -> None:
    """Raises AccessEnded if the reader's access has ended since the request began."""
    reader, token = cast("User", request.user), getattr(request, "api_token", None)
    refuse_if_ended(reader, session_key=request.session.session_key, token=token)


def _log_part(request: HttpRequest, name: str, known: Shown, shown: Shown) -> None:
    """Logs the people who are in `shown` but not in `known`, and adds them to `known`."""
    others = _owners(Shown(shown.people, shown.accounts - known.accounts)) - known.people
    if others or (shown.unnamed and not known.unnamed):
        _log(request, name, others)
    known.people |= others
    known.accounts |= shown.accounts
    known.unnamed |= shown.unnamed


def _log(request: HttpRequest, name: str, others: set[uuid.UUID]) -> None:
    sender = facts_of(request)
    Read.objects.create(
        reader=request.user,  # type: ignore[misc]
        page=name[:100],
        path=request.path[:200],
        query=_query(request),
        people=sorted(others)[:MAX_PEOPLE],
        address=sender["address"] or "",
        request=sender["request"] or "",
    )


def _failed(request: HttpRequest, error: DatabaseError) -> HttpResponse:
    """Returns the page that explains that the read could not be logged."""
    if outages.waited_for_standby(error):
        return _standby_is_lost()
    return page_for(request, error) or _not_shown()


def _too_long() -> HttpResponse:
    why = (
        f"The address has more than {LONGEST_QUERY:,} characters after the question mark, so this "
        "page is not shown. Go back and search for less."
    )
    return page("The address is too long", why, None, status=HTTPStatus.REQUEST_URI_TOO_LONG)


def _standby_is_lost() -> HttpResponse:
    why = (
        "This page shows data of other people. Before we show it, both copies of the database "
        "must record this. The second copy is not available at the moment. Try again later."
    )
    return page("This page cannot be shown", why, None)


def _not_shown() -> HttpResponse:
    why = "The log of reads cannot be written, so this page is not shown. Try again later."
    return page("This page cannot be shown", why, None)
