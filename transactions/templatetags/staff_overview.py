"""The figures on the admin's first page."""

from django import template

from accounts.models import User
from transactions.staff.overview import StaffFigure, figures_for

register = template.Library()


@register.simple_tag
def staff_figures(user: User) -> list[StaffFigure]:
    """Returns the figures that `user` may see."""
    return figures_for(user)
