"""Template filters for money, account numbers and dates. They call functions of `ledger.text`."""

from django import template

from ledger.text.dates import (
    clock,
    clock_seconds,
    day_heading,
    exact,
    iso,
    long_date,
    long_moment,
    month_name,
    until,
    when,
    when_within,
)
from ledger.text.lines import category_label, cut, grouped_digits
from ledger.text.money import account_number, figure, money, signed

register = template.Library()

register.filter("figure", figure)
register.filter("signed", signed)
register.filter("money", money)
register.filter("account_number", account_number)
register.filter("day_heading", day_heading)
register.filter("category_label", category_label)
register.filter("grouped_digits", grouped_digits)
# Django's truncatechars takes a hundred times as long as this filter if the text is short enough.
register.filter("cut", cut)
register.filter("long_date", long_date)
register.filter("long_moment", long_moment)
register.filter("month_name", month_name)
# Django converts times to the bank's time zone before it calls these filters.
register.filter("clock", clock, expects_localtime=True)
register.filter("clock_seconds", clock_seconds, expects_localtime=True)
register.filter("when", when, expects_localtime=True)
register.filter("when_within", when_within, expects_localtime=True)
register.filter("until", until, expects_localtime=True)
register.filter("iso", iso, expects_localtime=True)
register.filter("exact", exact, expects_localtime=True)
