"""Refuses requests that are no UTF-8, or whose headers cannot be read."""

from collections.abc import Callable
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponseBase
from django.http.multipartparser import MultiPartParserError
from django.utils.http import parse_header_parameters

from ledger.web import database_errors

# What Django raises for parameters by RFC 2231: charset*=none''utf-8, and x*0=a; x*=b.
UNREADABLE = (ValueError, TypeError)
# Of the header Cookie. The site's own cookies have less than 3,000 together.
MAX_COOKIE_BYTES = 8 * 1024
# Of Content-Type, and of each media type of Accept: Python parses their parameters in quadratic
# time. The longest of a browser has less than 100.
MOST_OF_A_TYPE = 500  # characters


class Utf8Request(WSGIRequest):
    """A request that is read as UTF-8, whatever its Content-Type says. Django would read the
    address by that, too, before any middleware, and fail where it is no encoding of text.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            found = _parsed(meta.get("CONTENT_TYPE", ""))
        except UNREADABLE:
            found = "", {"charset": "unknown"}
        self.content_type, self.content_params = found

    def parse_file_upload(self, META: Any, post_data: Any) -> Any:  # noqa: N803 - Django's name
        """Refuses a part whose header cannot be read, as Django refuses other broken parts."""
        try:
            return super().parse_file_upload(META, post_data)
        except TypeError as error:
            raise MultiPartParserError("The header of a part cannot be read.") from error


class BodyTypeMiddleware:
    """Answers with status 415 to a Content-Type that cannot be read, or with a charset that is not
    UTF-8, and with 400 to an Accept or cookies that cannot be read. No browser sends one to this
    site. Reads no body and no cookie.
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
        if not all(map(_is_readable, request.headers.get("Accept", "").split(","))):
            why = (
                "The header Accept cannot be read. Nothing was changed. Send its types without "
                f"x*=, and with at most {MOST_OF_A_TYPE} characters each."
            )
            return database_errors.page("The request cannot be read", why, None, status=400)
        if not _are_readable(request.META.get("HTTP_COOKIE", "")):
            why = "Its cookies are too long, or have a backslash. Delete the cookies of this site."
            return database_errors.page("The request cannot be read", why, None, status=400)
        return self.get_response(request)


def _is_readable(media_type: str) -> bool:
    if "*" not in media_type.partition(";")[2]:  # only parameters by RFC 2231 can fail
        return len(media_type) <= MOST_OF_A_TYPE
    try:
        _parsed(media_type)
    except UNREADABLE:
        return False
    return True


def _parsed(media_type: str) -> tuple[str, dict[str, str]]:
    """Type and parameters. Raises one of UNREADABLE."""
    if len(media_type) > MOST_OF_A_TYPE:
        raise ValueError
    found: tuple[str, dict[str, str]] = parse_header_parameters(media_type)
    return found


def _are_readable(cookies: str) -> bool:
    """Whether every Python reads these cookies fast. Before 3.11.10 and 3.12.6, the time for
    backslashes in a quoted value grows with the square of its length (CVE-2024-7592).
    """
    return len(cookies) <= MAX_COOKIE_BYTES and not any(
        '"' in cookie and "\\" in cookie for cookie in cookies.split(";")
    )
