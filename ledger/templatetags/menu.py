"""The menu below the user's name."""

from django import template

from ledger.web import menu
from ledger.web.menu import ITEMS, MenuItem

register = template.Library()


@register.simple_tag
def menu_items() -> list[MenuItem]:
    """Returns the pages that apps have registered, in the order of the menu."""
    return [item for item in ITEMS if item.url]


@register.filter
def is_part_of(view_name: str | None, part: str) -> bool:
    """Returns whether a page is in this part of the navigation; False for a page without a name."""
    return menu.is_part_of(view_name or "", part)
