"""A form whose answer did not come, kept on the page that says so, to be sent again as it was.

Only forms with an id of their own, as payments have: sent again, they do nothing twice. Nothing
secret is written into a page, so forms with passwords or codes are not kept.
"""

import re

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError

PLAIN = "application/x-www-form-urlencoded"
SECRET = re.compile("password|code|secret|credential", re.IGNORECASE)
LONGEST = 8192  # characters of all names and values
# What a form says in its field `step`, by the button that was pressed: these only show or look
# something up, or change what is not money. A form without a step, or with any other, may book.
# Reading, its order, confirming and undoing are of other banks' files.
BOOKS_NOTHING = frozenset(
    "review edit check discard decline withdraw read order confirm undo"
    " sure match unmatch leftover sign take_back".split()
)
# The field by which a kept form says that an earlier attempt may have booked it.
MAY_BE_BOOKED = "may_be_booked"
UNREADABLE = (BadRequest, SuspiciousOperation, MultiPartParserError, UnreadablePostError)


def books_nothing(request: HttpRequest) -> bool:
    """Whether the step that this form was sent for books nothing, whatever comes of it."""
    if request.method != "POST" or request.content_type != PLAIN:
        return False
    try:
        return request.POST.get("step") in BOOKS_NOTHING
    except UNREADABLE:
        return False


def kept_form(request: HttpRequest) -> list[tuple[str, str]]:
    """Names and values of the form that was sent, the CSRF token too; empty if none is kept."""
    if request.method != "POST" or request.content_type != PLAIN or getattr(request, "htmx", False):
        return []
    try:
        fields = [(name, value) for name, values in request.POST.lists() for value in values]
    except UNREADABLE:
        return []
    is_short = sum(len(name) + len(value) for name, value in fields) <= LONGEST
    is_secret = any(SECRET.search(name) for name, _ in fields)
    return fields if request.POST.get("id") and is_short and not is_secret else []
