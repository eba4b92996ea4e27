"""Divides lists of rows into pages, with the newest rows first. The position of a page is the pair
(created_at, id) of a row. So new rows do not change the next pages.
"""

import base64
import binascii
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from api.fields import moment_text
from ledger.text.dates import moment_in_utc

DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 50, 200  # rows per page
NOT_OF_NEXT = "Take the cursor from next, unchanged."
PLACES = ("cursor", "page")  # parameters that select the page
# Parameters of other APIs, each with the equivalent parameter of this API.
FILTERS = (
    *("amount", "category", "channel", "created_at", "currency", "date", "date_from", "date_to"),
    *("from_date", "status", "tag", "to_date", "type"),
)
ORDERS = ("order", "order_by", "ordering", "sort")
SEARCHES = ("filter", "q", "query", "search")
EXAMPLE = "q=is:pending+date:>2026-01+amount:>100"
OF_OTHER_APIS = {
    **dict.fromkeys(
        SEARCHES + ORDERS, "/api/v1/search/?q=rent&sort=largest searches and sorts transactions."
    ),
    **dict.fromkeys(
        ("offset", "page", "page_size", "per_page"),
        "limit is the page size, and next in the response is the address of the next page.",
    ),
    **dict.fromkeys(FILTERS, f"/api/v1/search/?{EXAMPLE} filters transactions."),
}
# For the search: parameters of other APIs, each with the equivalent parameter of the search.
OF_SEARCH = {
    **dict.fromkeys(SEARCHES, "q takes words and filters, as the page Search does: q=rent."),
    **dict.fromkeys(ORDERS, "sort is the order: sort=largest."),
    **dict.fromkeys(
        ("limit", "offset", "page_size", "per_page"),
        "The page size is fixed; next in the response is the address of the next page.",
    ),
    **dict.fromkeys(FILTERS, f"q takes filters: {EXAMPLE}."),
}


def number_of(request: Request, name: str, usual: int, most: int) -> int:
    """Returns the parameter as a number from 1 to `most`, or `usual` if the parameter is missing.

    Raises: ValidationError for another value.
    """
    given = request.query_params.get(name, "")
    if not given:
        return usual
    if not (given.isascii() and given.isdigit() and len(given) < 5 and 1 <= int(given) <= most):
        raise ValidationError({name: [f"Write a number from 1 to {most}."]})
    return int(given)


def cursor_for(moment: datetime, id: UUID) -> str:
    """Returns the cursor of the page that begins after the row with this time and id."""
    text = json.dumps([moment_text(moment), str(id)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(text: str) -> tuple[datetime, UUID]:
    """Returns the time and the id in a cursor from `cursor_for`.

    Raises: ValidationError for another text.
    """
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        text_of_moment, text_of_id = json.loads(plain)
        moment, id = moment_in_utc(text_of_moment), UUID(text_of_id)
    except (ValueError, TypeError, AttributeError, binascii.Error, RecursionError):
        moment = None
    if moment is None:
        raise ValidationError({"cursor": [NOT_OF_NEXT]})
    return moment, id


def page_of(
    request: Request,
    rows: QuerySet[Any],
    *,
    id_name: str = "pk",
    id_of: Callable[[Any], UUID] = lambda row: row.pk,
) -> tuple[list[Any], str | None]:
    """Returns a page of rows, newest first, and the URL of the next page, or None on the last
    page.
    """
    if given := request.query_params.get("cursor", ""):
        moment, id = read_cursor(given)
        older = Q(created_at__lt=moment) | Q(created_at=moment, **{f"{id_name}__lt": id})
        rows = rows.filter(older, created_at__lte=moment)
    limit = number_of(request, "limit", DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)
    found = list(rows.order_by("-created_at", f"-{id_name}")[: limit + 1])
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    return found[:limit], next_address(request, cursor=cursor_for(last.created_at, id_of(last)))


def page_by_number(
    request: Request, rows: QuerySet[Any], name: str
) -> tuple[list[Any], str | None]:
    """Returns a page of rows, sorted by the number in the field `name`, highest first. Also returns
    the URL of the next page, or None on the last page.
    """
    if "cursor" in request.query_params:
        rows = rows.filter(**{f"{name}__lt": _number_in(request.query_params["cursor"])})
    limit = number_of(request, "limit", DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)
    found = list(rows.order_by(f"-{name}")[: limit + 1])
    if len(found) <= limit:
        return found, None
    return found[:limit], next_address(request, cursor=str(getattr(found[limit - 1], name)))


def _number_in(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise ValidationError({"cursor": [NOT_OF_NEXT]})
    return int(cursor)


def next_address(request: Request, **changes: str) -> str:
    """Returns the URL of this request, with the parameters in `changes` instead of `cursor` and
    `page`.
    """
    query = request.query_params.copy()
    for name in PLACES:
        query.pop(name, None)
    for name, value in changes.items():
        query[name] = value
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def known_only(request: Request, *names: str) -> None:
    """Raises ValidationError for unknown and repeated parameters. Otherwise a misspelt filter would
    match every row, and only the last of repeated parameters would be used. For an unknown
    parameter that is usual in other APIs, the error mentions our equivalent.
    """
    known = {*names, "fields", "format"}
    for name, values in request.query_params.lists():
        if name not in known:
            there = ", ".join(sorted(known - {"format"}))
            refusal = f"Unknown parameter. Known parameters: {there}. {_instead_of(name, known)}"
            raise ValidationError({name[:60]: [refusal.rstrip()]})
        if len(values) > 1:
            raise ValidationError({name: ["This parameter appears twice; keep one."]})


def _instead_of(name: str, known: set[str]) -> str:
    """Returns a hint about the equivalent parameter of this API, or "". Ignores a lookup at the end
    of the name, such as `__gte` in created_at__gte.
    """
    field, _underscores, _lookup = name.partition("__")
    if "q" in known:
        return OF_SEARCH.get(field, "")
    return OF_OTHER_APIS.get(field, "") if "limit" in known else ""
