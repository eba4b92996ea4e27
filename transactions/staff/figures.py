"""The numbers on the first page of the admin. A feature registers its numbers in its module
`admin`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from accounts.models import User


@dataclass(frozen=True, slots=True)
class StaffFigure:
    """A number with a label, and a link to the counted objects. `needs_care` is True if somebody
    should act.
    """

    label: str
    value: str
    url: str
    needs_care: bool = False


FiguresOf = Callable[[User], list[StaffFigure]]

_registered: list[FiguresOf] = []


def register(figures_of: FiguresOf) -> FiguresOf:
    """Registers a function that returns the numbers of a feature for a user. Can be used as a
    decorator.
    """
    _registered.append(figures_of)
    return figures_of


def registered_figures(user: User) -> list[StaffFigure]:
    """Returns the numbers of all features that this user may see."""
    return [figure for figures_of in _registered for figure in figures_of(user)]
