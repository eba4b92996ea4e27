"""Template tags for the menu below the user's name."""

from django import template

from ledger.web import menu
from ledger.web.menu import ITEMS, MenuItem

register = template.Library()


@register.simple_tag
def menu_items() -> list[MenuItem]:
    """Returns the registered menu items in their order. Skips items whose page does not exist."""
    return [item for item in ITEMS if item.url]


@register.filter
def is_part_of(view_name: str | None, part: str) -> bool:
    """Returns whether a page belongs to this part of the navigation. The name of the page may be
    None.
    """
    return menu.is_part_of(view_name or "", part)
