"""Panels: parts of a page that features add. An app registers its own in its module `panels`.

A page names a place (`{% panels "receipt" %}`) and not the features; docs/new-app.md lists the
places. A panel is a template and a function, which returns what the template needs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

PREPARED = "prepared_panels"  # in the context of a page: a dict of places

# Returns what a panel adds to the context of its page; None where the panel is not shown.
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
    """A panel of one page, with what its template adds to the context of the page."""

    template: str
    values: dict[str, Any]


PANELS: list[Panel] = []  # by rank


def register(place: str, template: str, *, order: int = 0) -> Callable[[Values], Values]:
    """Shows a template in this place of each page that has it. A decorator."""

    def add(values: Values) -> Values:
        PANELS.append(Panel(place, template, order, values))
        PANELS.sort(key=lambda panel: panel.order)
        return values

    return add


def shown_in(place: str, request: HttpRequest, context: Mapping[str, Any]) -> list[ShownPanel]:
    """The panels of a place, from the first. Runs the queries of their functions."""
    found = ((panel, panel.values(request, context)) for panel in PANELS if panel.place == place)
    return [ShownPanel(panel.template, values) for panel, values in found if values is not None]


def prepare(place: str, request: HttpRequest, context: dict[str, Any]) -> None:
    """Runs the queries of a place now, in a view that lists its queries, not in the template."""
    context.setdefault(PREPARED, {})[place] = shown_in(place, request, context)
