"""The decorator `reads_file` for views that read files, and the size limits of these views."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.urls import Resolver404, resolve

View = TypeVar("View", bound=Callable[..., Any])


def reads_file(most: int = 0) -> Callable[[View], View]:
    """Returns a decorator for a view, or an API class, that reads a file in a POST request. `most`
    is the maximum size of the file in bytes. 0 means that the view reads a stored file, so the
    usual limit applies to the request body.
    """

    def mark(view: View) -> View:
        view.max_file_bytes = most  # type: ignore[attr-defined]
        return view

    return mark


def max_file_bytes(view: Any) -> int | None:
    """Returns the maximum size in bytes of a file for this view. Returns 0 if the view reads a
    stored file, and None if it reads no file.
    """
    of_class = getattr(view, "cls", view)  # a view class of REST framework
    found: int | None = getattr(of_class, "max_file_bytes", None)
    return found


def max_body_bytes(path: str) -> int:
    """Returns the maximum size in bytes of a request body for the page at this path. This maximum
    is twice the limit for a file, so that the form can still show an error for a file that is too
    large.
    """
    try:
        view = resolve(path).func
    except Resolver404:
        view = None
    return max(2 * (max_file_bytes(view) or 0), settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
