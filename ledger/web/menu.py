"""The menu below the user's name. An app registers its pages in its module `menu`.

The navigation at the top marks the part to which the current page belongs, such as "send".
"""

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse


@dataclass(frozen=True)
class MenuItem:
    """A page without arguments. `order` is its rank in the menu, from the top.

    All pages whose names begin with `pages` belong to `part` of the navigation; "" for no part.
    """

    label: str
    view_name: str
    order: int
    part: str = ""
    pages: str = ""

    @property
    def url(self) -> str:
        """The URL of the page; "" if the site does not have this page."""
        try:
            return reverse(self.view_name)
        except NoReverseMatch:
            return ""


ITEMS: list[MenuItem] = []  # from the top


def register(label: str, view_name: str, *, order: int, part: str = "", pages: str = "") -> None:
    """Adds a page to the menu of all signed-in users."""
    ITEMS.append(MenuItem(label, view_name, order, part, pages))
    ITEMS.sort(key=lambda item: item.order)


def is_part_of(view_name: str, part: str) -> bool:
    """Returns whether a page is in this part of the navigation."""
    return any(item.part == part and view_name.startswith(item.pages) for item in ITEMS)
