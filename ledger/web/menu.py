"""The menu under the person's name. An app registers its pages in its module `menu`.

The navigation at the top shows in which of its parts a page is, such as "send".
"""

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse


@dataclass(frozen=True)
class MenuItem:
    """A page without arguments; `order` is its place from the top.

    All pages whose names begin with `pages` are in `part` of the navigation; "" for none.
    """

    label: str
    view_name: str
    order: int
    part: str = ""
    pages: str = ""

    @property
    def url(self) -> str:
        """Its address; "" where the addresses of the site lack it."""
        try:
            return reverse(self.view_name)
        except NoReverseMatch:
            return ""


ITEMS: list[MenuItem] = []  # from the top


def register(label: str, view_name: str, *, order: int, part: str = "", pages: str = "") -> None:
    """Adds a page to the menu of everybody who is signed in."""
    ITEMS.append(MenuItem(label, view_name, order, part, pages))
    ITEMS.sort(key=lambda item: item.order)


def is_part_of(view_name: str, part: str) -> bool:
    """Whether a page is in this part of the navigation."""
    return any(item.part == part and view_name.startswith(item.pages) for item in ITEMS)
