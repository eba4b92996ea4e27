"""Figures on the admin's first page. The core has its own; a feature registers its figures in its
`admin` module.
"""

from collections.abc import Callable
from dataclasses import dataclass

from accounts.models import User


@dataclass(frozen=True, slots=True)
class StaffFigure:
    """A labelled figure with the list behind it; `needs_care` where somebody should look."""

    label: str
    value: str
    url: str
    needs_care: bool = False


FiguresOf = Callable[[User], list[StaffFigure]]

_registered: list[FiguresOf] = []


def register(figures_of: FiguresOf) -> FiguresOf:
    """Decorator: this function returns the figures of a feature that a person may see."""
    _registered.append(figures_of)
    return figures_of


def registered_figures(user: User) -> list[StaffFigure]:
    """Returns the figures of all features that this person may see."""
    return [figure for figures_of in _registered for figure in figures_of(user)]
