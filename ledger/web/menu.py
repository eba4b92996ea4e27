"""The menu below the user's name, to which an app adds pages in its module `menu`.

The navigation at the top of a page highlights the part of the current page, such as "send".
"""

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse


@dataclass(frozen=True)
class MenuItem:
    """A menu item for a page whose URL needs no arguments. `order` is the position in the menu.

    On pages whose names begin with `pages`, the navigation highlights the part `part`, or nothing
    if `part` is "".
    """

    label: str
    view_name: str
    order: int
    part: str = ""
    pages: str = ""

    @property
    def url(self) -> str:
        """The URL of the page, or "" if this site does not have the page."""
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
