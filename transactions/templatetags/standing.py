"""How a transaction stands, in one word or a few."""

from django import template

from transactions.lifecycle import standing_of

register = template.Library()
register.filter("standing", standing_of)
