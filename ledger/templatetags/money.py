"""How templates show money, account numbers and dates: functions of `ledger.text` as filters."""

from django import template

from ledger.text.dates import clock, day_heading, exact, until, when
from ledger.text.lines import category_label
from ledger.text.money import account_number, figure, money, signed

register = template.Library()

register.filter("figure", figure)
register.filter("signed", signed)
register.filter("money", money)
register.filter("account_number", account_number)
register.filter("day_heading", day_heading)
register.filter("category_label", category_label)
# Times reach these in the bank's time zone.
register.filter("clock", clock, expects_localtime=True)
register.filter("when", when, expects_localtime=True)
register.filter("until", until, expects_localtime=True)
register.filter("exact", exact, expects_localtime=True)
