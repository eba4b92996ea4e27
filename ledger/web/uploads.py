"""Views that read files. Each says so itself, by the decorator `reads_file`."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.urls import Resolver404, resolve

View = TypeVar("View", bound=Callable[..., Any])


def reads_file(most: int = 0) -> Callable[[View], View]:
    """Marks a view, or a class of the API, whose POST reads a file of up to `most` bytes; without a
    number, it reads one that is stored, and its body is that of any page.
    """

    def mark(view: View) -> View:
        view.most_of_file = most  # type: ignore[attr-defined]
        return view

    return mark


def most_of_file(view: Any) -> int | None:
    """Returns the bytes of a file that the view reads, 0 if it reads a stored one, None if none."""
    of_class = getattr(view, "cls", view)  # of REST framework
    found: int | None = getattr(of_class, "most_of_file", None)
    return found


def most_of_body(path: str) -> int:
    """Returns the bytes of a body that the page at this path accepts: twice those of its file, so
    that one that is too large is still refused in the form.
    """
    try:
        view = resolve(path).func
    except Resolver404:
        view = None
    return max(2 * (most_of_file(view) or 0), settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
