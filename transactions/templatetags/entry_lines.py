"""The rows of statements and the home page."""

from django import template

from transactions.entry_line import entry_lines

register = template.Library()
register.simple_tag(entry_lines)
