"""What the pages of reports say in the same words: periods, and terms of a search."""

from datetime import date
from typing import Any

from ledger.text.dates import last_of_month, short_date
from ledger.text.lines import category_label
from transactions.reports.report import Column, ReportParameters
from transactions.search.language.terms import token

UNCATEGORISED = "No category"
OWN_FLOWS = "What came from others and went to others; moves between your accounts do not count."


def period(since: date, until: date) -> str:
    """In a sentence: "on 3 November", "in October", "from 1 to 20 November"."""
    if since == until:
        return f"on {short_date(since)}"
    in_a_month = (since.year, since.month) == (until.year, until.month)
    if in_a_month and since.day == 1 and until == last_of_month(until):
        return f"in {short_date(until).split(' ', 1)[1]}"
    first = str(since.day) if in_a_month else short_date(since)
    return f"from {first} to {short_date(until)}"


def asked_period(asked: ReportParameters) -> str:
    """The period that is asked for, in a sentence."""
    return period(asked.values["since"], asked.values["until"])


def booked(since: date, until: date) -> str:
    """The search for what was booked on these days."""
    days = since.isoformat() if since == until else f"{since.isoformat()}..{until.isoformat()}"
    return f"is:booked date:{days}"


def booked_in(month: date, asked: ReportParameters) -> str:
    """The search for what was booked in a month, as far as it lies in the period asked for."""
    last = last_of_month(month)
    since, until = max(month, asked.values["since"]), min(last, asked.values["until"])
    if (since, until) == (month, last):
        return f"is:booked date:{month:%Y-%m}"
    return booked(since, until)


def flows(asked: ReportParameters) -> str:
    """The search for what went the way that is asked for, in the period that is."""
    return f"is:{asked.values['direction']} {booked(asked.values['since'], asked.values['until'])}"


def category_term(category: str | None, name: str = "category") -> str:
    """The search for a category, none too; "" where it cannot be said, for a quote in it. `name`
    is the field that asks for it."""
    return token(name, category) if category else f"{name}:none"


def together(*terms: str) -> str:
    """Several terms as one search; "" if one of them cannot be said."""
    return " ".join(terms) if all(terms) else ""


def named(category: Any) -> str:
    """A category as people read it."""
    return category_label(str(category)) if category else UNCATEGORISED


def category_column(name: str) -> Column:
    """The column of a category: a label on the page, the data's own text in the file."""
    return Column(
        name,
        "Category",
        words=lambda row, _parameters: named(row[name]),
        file_words=lambda row, _parameters: row[name] or UNCATEGORISED,
    )
