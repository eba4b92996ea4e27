"""The figures on the admin's first page."""

from django import template

from accounts.models import User
from transactions.staff.overview import StaffFigure, figures_for

register = template.Library()


@register.simple_tag
def staff_figures(user: User) -> list[StaffFigure]:
    """What `user` may see of the bank's state."""
    return figures_for(user)
