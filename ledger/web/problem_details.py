"""Errors for programs, as problem details (RFC 9457). URLs below `/api/` never return HTML error
pages.
"""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.cache import patch_vary_headers

API = "/api/"
CONTENT_TYPE = "application/problem+json"
TYPES = "/api/v1/problems/#"  # the page that explains each type of problem
# Problem details that replace error pages. The key is the status, and the values are the slug and
# the detail.
PAGES = {
    400: ("invalid-request", "The request cannot be read."),
    403: ("not-allowed", "You may not do this."),
    404: ("not-found", "There is nothing at this address."),
    413: ("too-large", "The body is larger than this address accepts, so it was not read."),
    414: ("address-too-long", "The address is too long."),
    415: ("unsupported-media-type", "The body is not UTF-8, so it was not read."),
    429: ("too-many-downloads", "Another long answer is being sent. Wait until it has ended."),
    500: ("server-error", "The server failed, and the bank has to repair it."),
    503: ("unavailable", "The database does not answer at the moment. Send the request again."),
}


def is_call(request: HttpRequest) -> bool:
    """Returns whether a request is an API call, which gets problem details in place of error
    pages.
    """
    return request.path_info.startswith(API)


def problem_body(status: int, slug: str, detail: str, **more: Any) -> dict[str, Any]:
    """Returns problem details as a dict with the keys `type`, `title`, `status`, `detail`, and the
    keys in `more`.
    """
    kind = {"type": TYPES + slug, "title": HTTPStatus(status).phrase, "status": int(status)}
    return {**kind, "detail": detail, **more}


def problem(
    status: int,
    slug: str,
    detail: str,
    headers: Mapping[str, str] = MappingProxyType({}),
    **more: Any,
) -> HttpResponse:
    """Returns a response with the problem details of `problem_body`."""
    body = problem_body(status, slug, detail, **more)
    answer = JsonResponse(
        body, status=body["status"], content_type=CONTENT_TYPE, headers=dict(headers)
    )
    answer.headers.setdefault("Cache-Control", "private, no-store")
    patch_vary_headers(answer, ["Authorization", "Cookie"])
    return answer


def instead_of_page(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Returns problem details if the response to an API call is an error page of Django or of
    middleware. Returns other responses unchanged.
    """
    is_page = response.headers.get("Content-Type", "").startswith("text/html")
    if not (is_call(request) and is_page and response.status_code >= 400):
        return response
    slug, detail = PAGES.get(response.status_code, ("not-allowed", "This was refused."))
    kept = {name: response.headers[name] for name in ("Retry-After",) if name in response}
    return problem(response.status_code, slug, detail, kept)
