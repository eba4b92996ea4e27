"""Refuses requests whose text is in another encoding than UTF-8."""

from collections.abc import Callable
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponseBase
from django.utils.http import parse_header_parameters

from ledger.web import database_errors


class _Utf8(HttpRequest):
    """A request that is read as UTF-8, whatever its Content-Type says. Django would read the
    address by that, too, before any middleware, and fail where it is no encoding of text.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            found = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:  # such as charset*=none''utf-8
            found = "", {"charset": "unknown"}
        self.content_type, self.content_params = found


class Utf8Request(_Utf8, WSGIRequest):
    """For WSGI."""


class Utf8AsyncRequest(_Utf8, ASGIRequest):
    """For ASGI."""


class BodyTypeMiddleware:
    """Answers with status 415 to a Content-Type that cannot be read, or with a charset that is not
    UTF-8. No browser sends one. Reads no body.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        charset = (request.content_params or {}).get("charset", "utf-8")
        if charset.lower() != "utf-8":
            why = (
                "This site reads UTF-8 alone, so it was not read. Nothing was changed. Send the "
                "form with charset=utf-8, or without one."
            )
            return database_errors.page("This is written in another way", why, None, status=415)
        return self.get_response(request)
