"""Panels: parts of a page that features add. An app registers its panels in its module `panels`.

The template of a page contains named places for panels, such as `{% panels "receipt" %}`, but no
names of features. docs/new-app.md lists the places. A panel consists of a template and of a
function that returns the values for the template.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

# A key in the template context; its value is a dict whose keys are places.
PREPARED = "prepared_panels"

# A function that returns the values that a panel adds to the template context. If it returns None,
# the panel is not shown.
Values = Callable[[Any, Mapping[str, Any]], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of a page that a feature adds. `place` is the name of a place in the template of the
    page, and `order` is the position of the panel in this place.
    """

    place: str
    template: str
    order: int
    values: Values


@dataclass(frozen=True, slots=True)
class ShownPanel:
    """A panel on a page, with the values for its template."""

    template: str
    values: dict[str, Any]


PANELS: list[Panel] = []  # sorted by `order`


def register(place: str, template: str, *, order: int = 0) -> Callable[[Values], Values]:
    """Returns a decorator that registers a panel for a place on a page. The decorated function
    returns the values for the panel's template.
    """

    def add(values: Values) -> Values:
        PANELS.append(Panel(place, template, order, values))
        PANELS.sort(key=lambda panel: panel.order)
        return values

    return add


def shown_in(place: str, request: HttpRequest, context: Mapping[str, Any]) -> list[ShownPanel]:
    """Returns the panels that are shown at a place on a page, in order. Calls the functions of the
    panels, which may send queries.
    """
    found = ((panel, panel.values(request, context)) for panel in PANELS if panel.place == place)
    return [ShownPanel(panel.template, values) for panel, values in found if values is not None]


def prepare(place: str, request: HttpRequest, context: dict[str, Any]) -> None:
    """Runs the queries of the panels at a place on a page in the view, before the template is
    rendered. Call this function in views that list the queries of their page.
    """
    context.setdefault(PREPARED, {})[place] = shown_in(place, request, context)
