"""Refuses requests that are not in UTF-8 or have headers that cannot be parsed."""

from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.utils.http import parse_header_parameters

from ledger.web import database_errors

# Exceptions that Django raises for parameters in the style of RFC 2231, such as
# charset*=none''utf-8 or x*0=a; x*=b.
UNREADABLE = (ValueError, TypeError)
# Limit for the header Cookie. All cookies of the site together are smaller than 3,000 bytes.
MAX_COOKIE_BYTES = 8 * 1024
# Limit for Content-Type, and for each media type in Accept. Python parses their parameters in
# quadratic time. Browsers send fewer than 100 characters.
MAX_TYPE_LENGTH = 500  # characters


class Utf8Request(WSGIRequest):
    """A request that is always read as UTF-8. Django's own request would also decode the URL with
    the charset of the Content-Type, and would fail if this charset does not exist.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            found = _parsed(meta.get("CONTENT_TYPE", ""))
        except UNREADABLE:
            found = "", {"charset": "unknown"}
        self.content_type, self.content_params = found

    def parse_file_upload(self, META: Any, post_data: Any) -> Any:  # noqa: N803 - Django's name
        """Parses the uploaded files. Raises MultiPartParserError if a part is broken, also if its
        header cannot be read.
        """
        try:
            return super().parse_file_upload(META, post_data)
        except TypeError as error:
            raise MultiPartParserError("The header of a part cannot be read.") from error


def refusal(request: HttpRequest) -> HttpResponse | None:
    """Returns a response with an error message if the headers cannot be used. Otherwise returns
    None. The status is 415 if the Content-Type cannot be parsed or its charset is not UTF-8. The
    status is 400 if Accept cannot be parsed, or if parsing the cookies could take long.

    Browsers do not send such requests. Reads neither the body nor the cookies.
    """
    charset = (request.content_params or {}).get("charset", "utf-8")
    if charset.lower() != "utf-8":
        why = (
            "This site accepts only UTF-8, so we did not read the form. Nothing was changed. "
            "Send the form with charset=utf-8, or without a charset."
        )
        return database_errors.page("The form is not UTF-8", why, None, status=415)
    if not all(map(_is_readable, request.headers.get("Accept", "").split(","))):
        why = (
            "The header Accept cannot be read. Nothing was changed. Send its types without "
            f"x*=, and with at most {MAX_TYPE_LENGTH} characters each."
        )
        return database_errors.page("The request cannot be read", why, None, status=400)
    if not _are_readable(request.META.get("HTTP_COOKIE", "")):
        why = (
            "The cookies are too long, or contain a backslash. Delete the cookies of this site "
            "in your browser, and try again."
        )
        return database_errors.page("The request cannot be read", why, None, status=400)
    return None


def _is_readable(media_type: str) -> bool:
    if "*" not in media_type.partition(";")[2]:  # only parameters in the style of RFC 2231 can fail
        return len(media_type) <= MAX_TYPE_LENGTH
    try:
        _parsed(media_type)
    except UNREADABLE:
        return False
    return True


def _parsed(media_type: str) -> tuple[str, dict[str, str]]:
    """Returns a media type and its parameters. Raises one of the exceptions in UNREADABLE."""
    if len(media_type) > MAX_TYPE_LENGTH:
        raise ValueError
    found: tuple[str, dict[str, str]] = parse_header_parameters(media_type)
    return found


def _are_readable(cookies: str) -> bool:
    """Returns whether every Python version can parse these cookies fast. Before 3.11.10 and 3.12.6,
    a quoted value with backslashes takes quadratic time (CVE-2024-7592).
    """
    return len(cookies) <= MAX_COOKIE_BYTES and not any(
        '"' in cookie and "\\" in cookie for cookie in cookies.split(";")
    )
