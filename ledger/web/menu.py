"""The menu below the user's name. An app registers its pages in its module `menu`.

The navigation at the top of a page highlights the part to which the current page belongs, such as
"send".
"""

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse


@dataclass(frozen=True)
class MenuItem:
    """A menu item for a page whose URL needs no arguments. `order` is the position in the menu.

    The navigation at the top of a page highlights the part `part` if the name of the page begins
    with `pages`. If `part` is "", these pages do not highlight any part.
    """

    label: str
    view_name: str
    order: int
    part: str = ""
    pages: str = ""

    @property
    def url(self) -> str:
        """The URL of the page, or "" if the site does not have this page."""
        try:
            return reverse(self.view_name)
        except NoReverseMatch:
            return ""


ITEMS: list[MenuItem] = []  # sorted by position, from the top


def register(label: str, view_name: str, *, order: int, part: str = "", pages: str = "") -> None:
    """Adds a menu item for all signed-in users."""
    ITEMS.append(MenuItem(label, view_name, order, part, pages))
    ITEMS.sort(key=lambda item: item.order)


def is_part_of(view_name: str, part: str) -> bool:
    """Returns whether a page belongs to this part of the navigation."""
    return any(item.part == part and view_name.startswith(item.pages) for item in ITEMS)
