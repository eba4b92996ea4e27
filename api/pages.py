"""Pages about the API, for everybody: its schema, its documentation, the types of problems."""

from functools import cache
from http import HTTPStatus
from pathlib import Path

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.shortcuts import render
from django.urls import is_valid_path, resolve
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from api.problem_types import problem_types_by_status
from ledger.web.problem_details import problem

SCHEMA = Path(__file__).with_name("openapi.json")


@cache
def _schema() -> bytes:
    return SCHEMA.read_bytes()


@login_not_required
@require_safe
def openapi(_request: HttpRequest) -> HttpResponse:
    """The schema (OpenAPI 3.1), as it is committed; a test holds it to the code."""
    return HttpResponse(
        _schema(), content_type="application/json", headers={"Cache-Control": "public, max-age=300"}
    )


@login_not_required
@require_safe
def documentation(request: HttpRequest) -> HttpResponse:
    """The schema as a page, by Swagger UI."""
    return render(request, "api/documentation.html")


@login_not_required
@require_safe
def problem_types(request: HttpRequest) -> HttpResponse:
    """What the `type` of each problem means."""
    return render(request, "api/problem_types.html", {"by_status": problem_types_by_status()})


@csrf_exempt
@login_not_required
def nothing_here(request: HttpRequest) -> HttpResponse:
    """For addresses that the API does not have. One that differs from an address by the slash at
    its end leads there, with the same method and body.
    """
    path = request.path_info
    other = path.removesuffix("/") if path.endswith("/") else f"{path}/"
    if is_valid_path(other) and resolve(other).url_name != "nothing_here":
        query = request.META.get("QUERY_STRING", "")
        there = f"{request.path.removesuffix(path)}{other}"  # a prefix of the site stays before it
        return HttpResponsePermanentRedirect(
            f"{there}?{query}" if query else there, preserve_request=True
        )
    why = "There is nothing at this address; see /api/v1/docs/."
    return problem(HTTPStatus.NOT_FOUND, "not-found", why)
