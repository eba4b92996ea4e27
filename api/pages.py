"""Public pages about the API: its schema, its documentation, and the types of problems."""

import re
from functools import cache
from http import HTTPStatus
from pathlib import Path

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.shortcuts import redirect, render
from django.urls import is_valid_path, resolve
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from api.problem_types import problem_types_by_status
from ledger.web.problem_details import problem

SCHEMA = Path(__file__).with_name("openapi.json")
# URLs that clients of other APIs try, each with a hint.
OTHER_ADDRESSES = (
    (
        re.compile(r"/accounts/[^/]+/transactions/?$"),
        "the postings of an account are at /api/v1/accounts/<id>/entries/.",
    ),
    (
        re.compile(r"/(tokens?|auth|login|api-token-auth)(/|$)"),
        "create an access token on the page Security, or with manage.py create_token.",
    ),
)


@cache
def _schema() -> bytes:
    return SCHEMA.read_bytes()


@login_not_required
@require_safe
def openapi(_request: HttpRequest) -> HttpResponse:
    """Serves the schema file (OpenAPI 3.1) of the repository. A test compares the file with the
    code.
    """
    return HttpResponse(
        _schema(), content_type="application/json", headers={"Cache-Control": "public, max-age=300"}
    )


@login_not_required
@require_safe
def documentation(request: HttpRequest) -> HttpResponse:
    """Shows the schema as a page, with Swagger UI."""
    return render(request, "api/documentation.html")


@login_not_required
@require_safe
def problem_types(request: HttpRequest) -> HttpResponse:
    """Shows what each `type` of a problem means."""
    return render(request, "api/problem_types.html", {"by_status": problem_types_by_status()})


@csrf_exempt
@login_not_required
def nothing_here(request: HttpRequest) -> HttpResponse:
    """Responds with 404 to unknown URLs of the API. If only a slash at the end is missing or
    superfluous, redirects to the known URL with the same method and body. Redirects the root of the
    API to the documentation.
    """
    path = request.path_info
    if path.rstrip("/") in ("/api", "/api/v1") and request.method in ("GET", "HEAD"):
        return redirect("api:docs")
    other = path.removesuffix("/") if path.endswith("/") else f"{path}/"
    if is_valid_path(other) and resolve(other).url_name != "nothing_here":
        query = request.META.get("QUERY_STRING", "")
        there = f"{request.path.removesuffix(path)}{other}"  # keeps the path prefix of the site
        return HttpResponsePermanentRedirect(
            f"{there}?{query}" if query else there, preserve_request=True
        )
    hint = next((hint for other, hint in OTHER_ADDRESSES if other.search(path)), "")
    why = f"This address does not exist; {hint or 'see /api/v1/docs/.'}"
    return problem(HTTPStatus.NOT_FOUND, "not-found", why)
