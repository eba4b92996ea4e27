"""Template tags for the menu below the user's name."""

from django import template

from ledger.web import menu
from ledger.web.menu import ITEMS, MenuItem

register = template.Library()


@register.simple_tag
def menu_items() -> list[MenuItem]:
    """Returns the menu items that apps have registered, in the order of the menu. Items whose page
    does not exist are not included.
    """
    return [item for item in ITEMS if item.url]


@register.filter
def is_part_of(view_name: str | None, part: str) -> bool:
    """Returns whether a page belongs to this part of the navigation. Treats None as a page without
    a name.
    """
    return menu.is_part_of(view_name or "", part)
