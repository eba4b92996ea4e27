"""Limits the size of request bodies. The decorator `reads_file` sets another limit for views that
read files.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest
from django.urls import Resolver404, resolve

View = TypeVar("View", bound=Callable[..., Any])


def reads_file(most: int = 0) -> Callable[[View], View]:
    """Returns a decorator for a view, or an API class, that reads a file in a POST request. `most`
    is the maximum size of the file in bytes. For a view that reads a stored file, `most` is 0, and
    the usual limit applies to the body.
    """

    def mark(view: View) -> View:
        view.max_file_bytes = most  # type: ignore[attr-defined]
        return view

    return mark


def max_file_bytes(view: Any) -> int | None:
    """Returns the maximum size of a file for this view in bytes. Returns 0 for a view that reads a
    stored file, and None for a view that reads no file.
    """
    of_class = getattr(view, "cls", view)  # a view class of REST framework
    found: int | None = getattr(of_class, "max_file_bytes", None)
    return found


def max_body_bytes(path: str) -> int:
    """Returns the maximum size of a request body for this path in bytes: twice the limit for a
    file, but at least DATA_UPLOAD_MAX_MEMORY_SIZE. The form can then still show an error for a file
    that is too large.
    """
    try:
        view = resolve(path).func
    except Resolver404:
        view = None
    return max(2 * (max_file_bytes(view) or 0), settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


def content_length(request: HttpRequest) -> int:
    """Returns the number of bytes in the header Content-Length. Like Django, returns 0 if the
    header is missing or is not a number.
    """
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0
