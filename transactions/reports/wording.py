"""Texts for several report pages: periods, search queries and names of categories."""

from datetime import date
from typing import Any

from ledger.text.dates import last_of_month, short_date
from ledger.text.lines import category_label
from transactions.reports.report import Column, ReportParameters
from transactions.search.language.terms import token

UNCATEGORISED = "No category"
OWN_FLOWS = "Payments from and to others. Transfers between your own accounts do not count."


def period(since: date, until: date) -> str:
    """Returns the period as a part of a sentence, such as "on 3 November", "in October" or "from 1
    to 20 November".
    """
    if since == until:
        return f"on {short_date(since)}"
    in_a_month = (since.year, since.month) == (until.year, until.month)
    if in_a_month and since.day == 1 and until == last_of_month(until):
        return f"in {short_date(until).split(' ', 1)[1]}"
    first = str(since.day) if in_a_month else short_date(since)
    return f"from {first} to {short_date(until)}"


def period_text(params: ReportParameters) -> str:
    """Returns the period of the report as a part of a sentence, such as "in October"."""
    return period(params.values["since"], params.values["until"])


def booked_query(since: date, until: date) -> str:
    """Returns the search query for all payments that were booked on these days."""
    days = since.isoformat() if since == until else f"{since.isoformat()}..{until.isoformat()}"
    return f"is:booked date:{days}"


def booked_month_query(month: date, params: ReportParameters) -> str:
    """Returns the search query for all payments of a month that were booked in the chosen
    period.
    """
    last = last_of_month(month)
    since, until = max(month, params.values["since"]), min(last, params.values["until"])
    if (since, until) == (month, last):
        return f"is:booked date:{month:%Y-%m}"
    return booked_query(since, until)


def flows_query(params: ReportParameters) -> str:
    """Returns the search query for the payments in the chosen direction ("in" or "out") and
    period.
    """
    days = booked_query(params.values["since"], params.values["until"])
    return f"is:{params.values['direction']} {days}"


def category_term(category: str | None, name: str = "category") -> str:
    """Returns the search term for a category, such as category:rent. Returns `category:none` for an
    empty category. Returns "" if the category contains a quote, which no term can express.

    `name` is the search field.
    """
    return token(name, category) if category else f"{name}:none"


def joined_terms(*terms: str) -> str:
    """Returns all terms as one search query. Returns "" if one of the terms is ""."""
    return " ".join(terms) if all(terms) else ""


def category_name(category: Any) -> str:
    """Returns the label of a category, or UNCATEGORISED if the category is empty."""
    return category_label(str(category)) if category else UNCATEGORISED


def category_column(name: str) -> Column:
    """Returns the column for a category. The page shows the label of the category. Files contain
    the stored text.
    """
    return Column(
        name,
        "Category",
        text=lambda row, _params: category_name(row[name]),
        file_text=lambda row, _params: row[name] or UNCATEGORISED,
    )
