"""Views that read files, which have the decorator `reads_file`."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.urls import Resolver404, resolve

View = TypeVar("View", bound=Callable[..., Any])


def reads_file(most: int = 0) -> Callable[[View], View]:
    """Returns a decorator for a view, or a class of the API, whose POST reads a file of up to
    `most` bytes. 0 means that the view reads a stored file, so its body has the usual limit.
    """

    def mark(view: View) -> View:
        view.max_file_bytes = most  # type: ignore[attr-defined]
        return view

    return mark


def max_file_bytes(view: Any) -> int | None:
    """Returns the maximum bytes of a file for the view; 0 if it reads a stored file, None if it
    reads no file.
    """
    of_class = getattr(view, "cls", view)  # of REST framework
    found: int | None = getattr(of_class, "max_file_bytes", None)
    return found


def max_body_bytes(path: str) -> int:
    """Returns the maximum bytes of a body for the page at this path: twice the limit of its file,
    so that the form can still show an error for a file that is too large.
    """
    try:
        view = resolve(path).func
    except Resolver404:
        view = None
    return max(2 * (max_file_bytes(view) or 0), settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
