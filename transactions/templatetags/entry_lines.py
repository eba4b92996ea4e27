"""Filters for the rows of account statements and of the home page."""

from django import template

from transactions.entry_line import groups_by_day, one_group

register = template.Library()
register.filter("groups_by_day", groups_by_day)
register.filter("one_group", one_group)
