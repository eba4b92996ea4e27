"""Keeps forms that failed because of the database. The error page contains the form, and the user
can send it again.

Only forms with an id, such as payments, are kept, because the server books each id only once. Forms
with passwords or codes are not kept, because a page must not contain secrets.
"""

import re

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError

from ledger.web.uploads import content_length

PLAIN = "application/x-www-form-urlencoded"
SECRET = re.compile("password|code|secret|credential", re.IGNORECASE)
LONGEST = 8192  # maximum number of characters of all names and values together
# Values of the field `step` with which a form does not book anything. They show or find something,
# or change something that is not money. The field contains the button that the user pressed. A form
# without this field, or with another value, may book. `read`, `order`, `confirm` and `undo` are
# steps for files of other banks.
BOOKS_NOTHING = frozenset(
    "review edit check discard decline withdraw read order confirm undo"
    " sure match unmatch leftover sign take_back".split()
)
# This field in a form on the error page shows that an earlier attempt may have booked the form.
MAY_BE_BOOKED = "may_be_booked"
UNREADABLE = (BadRequest, SuspiciousOperation, MultiPartParserError, UnreadablePostError)


def books_nothing(request: HttpRequest) -> bool:
    """Returns whether this form can never book anything. The field `step`, which contains the
    button that the user pressed, shows this.
    """
    if not _may_be_read(request):
        return False
    try:
        return request.POST.get("step") in BOOKS_NOTHING
    except UNREADABLE:
        return False


def kept_form(request: HttpRequest) -> list[tuple[str, str]]:
    """Returns the names and values of all fields in the form, including the CSRF token. Returns []
    if the error page must not contain the form: the form has no id, is too long, may contain a
    secret, or was sent by htmx.
    """
    if not _may_be_read(request) or "HX-Request" in request.headers:
        return []
    try:
        fields = [(name, value) for name, values in request.POST.lists() for value in values]
    except UNREADABLE:
        return []
    is_short = sum(len(name) + len(value) for name, value in fields) <= LONGEST
    is_secret = any(SECRET.search(name) for name, _ in fields)
    return fields if request.POST.get("id") and is_short and not is_secret else []


def _may_be_read(request: HttpRequest) -> bool:
    """Returns whether the request is a form that is short enough to be read also under overload. In
    an encoded form, a character takes up to twelve bytes.
    """
    is_form = request.method == "POST" and request.content_type == PLAIN
    return is_form and content_length(request) <= 12 * LONGEST
