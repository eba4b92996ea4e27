"""Panels: parts of a page that features add. An app registers its panels in its module `panels`.

A page names a place (`{% panels "receipt" %}`), but no features; docs/new-app.md lists the places.
A panel is a template and a function that returns the values for the template.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

PREPARED = "prepared_panels"  # in the context of a page: a dict of places

# Returns the values that a panel adds to the context of its page; None if it is not shown.
Values = Callable[[Any, Mapping[str, Any]], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of a page; `order` is its rank in its place."""

    place: str
    template: str
    order: int
    values: Values


@dataclass(frozen=True, slots=True)
class ShownPanel:
    """A panel on a page, with the values that it adds to the context of the page."""

    template: str
    values: dict[str, Any]


PANELS: list[Panel] = []  # by rank


def register(place: str, template: str, *, order: int = 0) -> Callable[[Values], Values]:
    """Returns a decorator that registers a panel for a place. The function returns its values."""

    def add(values: Values) -> Values:
        PANELS.append(Panel(place, template, order, values))
        PANELS.sort(key=lambda panel: panel.order)
        return values

    return add


def shown_in(place: str, request: HttpRequest, context: Mapping[str, Any]) -> list[ShownPanel]:
    """Returns the panels of a place in their order. Runs the queries of their functions."""
    found = ((panel, panel.values(request, context)) for panel in PANELS if panel.place == place)
    return [ShownPanel(panel.template, values) for panel, values in found if values is not None]


def prepare(place: str, request: HttpRequest, context: dict[str, Any]) -> None:
    """Runs the queries of a place in the view and not in the template, for views that list their
    queries.
    """
    context.setdefault(PREPARED, {})[place] = shown_in(place, request, context)
