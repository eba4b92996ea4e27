"""Views that are imported at their first request, because they need large libraries."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import URLResolver
from django.utils.module_loading import import_string


class LazyView:
    """A view for `path` in a URLconf. `name` is the dotted name of a function or a class.

    The real view is imported when it is first needed: by a request, by `load`, or when code reads
    an attribute such as `csrf_exempt`. The attributes that Django reads when it loads the URLs are
    set here, so that reading them imports nothing.
    """

    def __init__(self, name: str) -> None:
        self.__module__, _, self.__qualname__ = name.rpartition(".")
        self.__name__ = self.__qualname__

    @cached_property
    def _view(self) -> Any:
        found = import_string(f"{self.__module__}.{self.__qualname__}")
        return found.as_view() if hasattr(found, "as_view") else found

    def load(self) -> None:
        """Imports the view. Called before the process serves pages."""
        self._view  # noqa: B018  cached

    def __call__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response: HttpResponseBase = self._view(request, *args, **kwargs)
        return response

    def __getattr__(self, name: str) -> Any:
        if name == "view_class":
            raise AttributeError(name)
        return getattr(self._view, name)


def lazy_views(resolver: URLResolver) -> Iterator[LazyView]:
    """Yields the lazy views in these URL patterns."""
    for each in resolver.url_patterns:
        if isinstance(each, URLResolver):
            yield from lazy_views(each)
        elif isinstance(each.callback, LazyView):
            yield each.callback
