"""Texts that several report pages share: periods, search queries, category names."""

from datetime import date
from typing import Any

from ledger.text.dates import last_of_month, short_date
from ledger.text.lines import category_label
from transactions.reports.report import Column, ReportParameters
from transactions.search.language.terms import token

UNCATEGORISED = "No category"
OWN_FLOWS = "Payments from and to others; transfers between your own accounts do not count."


def period(since: date, until: date) -> str:
    """Returns the period as part of a sentence: "on 3 November", "in October", "from 1 to 20
    November".
    """
    if since == until:
        return f"on {short_date(since)}"
    in_a_month = (since.year, since.month) == (until.year, until.month)
    if in_a_month and since.day == 1 and until == last_of_month(until):
        return f"in {short_date(until).split(' ', 1)[1]}"
    first = str(since.day) if in_a_month else short_date(since)
    return f"from {first} to {short_date(until)}"


def period_text(params: ReportParameters) -> str:
    """Returns the chosen period as part of a sentence."""
    return period(params.values["since"], params.values["until"])


def booked_query(since: date, until: date) -> str:
    """Returns the search query for everything booked on these days."""
    days = since.isoformat() if since == until else f"{since.isoformat()}..{until.isoformat()}"
    return f"is:booked date:{days}"


def booked_month_query(month: date, params: ReportParameters) -> str:
    """Returns the search query for everything booked in a month, within the chosen period."""
    last = last_of_month(month)
    since, until = max(month, params.values["since"]), min(last, params.values["until"])
    if (since, until) == (month, last):
        return f"is:booked date:{month:%Y-%m}"
    return booked_query(since, until)


def flows_query(params: ReportParameters) -> str:
    """Returns the search query for payments in the chosen direction and period."""
    days = booked_query(params.values["since"], params.values["until"])
    return f"is:{params.values['direction']} {days}"


def category_term(category: str | None, name: str = "category") -> str:
    """Returns the search term for a category, or `category:none`. Returns "" if the category
    contains a quote and cannot be written as a term. `name` is the search field.
    """
    return token(name, category) if category else f"{name}:none"


def joined_terms(*terms: str) -> str:
    """Joins terms into one search query, or returns "" if one of them is ""."""
    return " ".join(terms) if all(terms) else ""


def category_name(category: Any) -> str:
    """Returns the label of a category."""
    return category_label(str(category)) if category else UNCATEGORISED


def category_column(name: str) -> Column:
    """Returns the column of a category: the label on the page, the stored text in files."""
    return Column(
        name,
        "Category",
        text=lambda row, _params: category_name(row[name]),
        file_text=lambda row, _params: row[name] or UNCATEGORISED,
    )
