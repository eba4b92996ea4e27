"""A template filter for the state of a transaction in words."""

from django import template

from transactions.lifecycle import state_label_of

register = template.Library()
register.filter("state_label", state_label_of)
