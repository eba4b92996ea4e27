"""The state of a transaction in words."""

from django import template

from transactions.lifecycle import standing_of

register = template.Library()
register.filter("standing", standing_of)
