"""The page about movements out of the ordinary."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone

from ledger.charts.geometry import BarChart, Mark
from ledger.text.dates import short_date
from ledger.text.money import money
from transactions.reports import unusual_movements
from transactions.reports.forms import Choice, PeriodForm
from transactions.reports.queries.frames import DaysBefore
from transactions.reports.queries.unusual import ENOUGH, YEAR
from transactions.reports.report import Column, Report, ReportParameters, Row
from transactions.reports.wording import UNCATEGORISED, asked_period, named

DRAWN = 12
QUARTER = 90
SPANS = {QUARTER: "90 days before", 182: "half a year before", YEAR: "year before"}


class TimesField(forms.DecimalField):
    """From how many times the usual spread on; whatever else is typed gets one sentence."""

    def clean(self, value: Any) -> Any:
        try:
            return super().clean(value)
        except forms.ValidationError:
            raise forms.ValidationError("Type a number from 2 to 1000, like 3.5.") from None


class DaysField(Choice):
    """How many days before, of a few."""

    def clean(self, value: Any) -> Any:
        return int(super().clean(value))


class UnusualForm(PeriodForm):
    """The last thirty days, unless it is said, and from where on a movement is unusual."""

    threshold = TimesField(
        min_value=2, max_value=1000, max_digits=6, decimal_places=2, label="From so many times"
    )
    days = DaysField(
        choices=[(days, f"The {said}") for days, said in SPANS.items()], label="Held against"
    )

    def defaults(self) -> dict[str, Any]:
        today = timezone.localdate()
        return {
            "since": (today - timedelta(days=29)).isoformat(),
            "until": today.isoformat(),
            "threshold": "3",
            "days": QUARTER if self.scope.is_bank else YEAR,
        }


def _itself(row: Row, _asked: ReportParameters) -> str:
    return f"id:{row['transaction_id']}"


def times(score: Decimal) -> str:
    """How many times the usual spread: "8.2"."""
    return f"{abs(score):,.1f}"


def why(row: Mapping[str, Any], asked: ReportParameters) -> str:
    """In words why a movement is listed."""
    what = row["category"] or UNCATEGORISED
    usual = money(row["usual"], asked.currency)
    if row["score"] is None:
        return f"{what} was {usual} each of the {row['earlier']:,} times before"
    side = "above" if row["score"] > 0 else "below"
    return f"{times(row['score'])} times the usual spread of {what} {side} its average"


def _finding(rows: Sequence[Row], asked: ReportParameters) -> str:
    first = rows[0]
    rest = len(rows) - 1
    others = f"; {rest:,} more {'was' if rest == 1 else 'were'} unusual" if rest else ""
    where = "where " if first["score"] is None else ""
    return (
        f"{first['what'] or named(first['category'])} on {short_date(first['day'])}: "
        f"{money(first['amount'], asked.currency)}, {where}{why(first, asked)}{others}."
    )


def _basis(_rows: Sequence[Row], asked: ReportParameters) -> str:
    said = (
        f"Each movement booked {asked_period(asked)}, held against those of the same account and "
        f"category in the {SPANS[asked.values['days']]} it, if there were {ENOUGH} or more. "
        "The usual spread is their standard deviation."
    )
    if asked.scope.is_bank and asked.values["days"] == QUARTER:
        said += (
            " For a whole bank 90 days answer at once, and what is usual shows in them: most "
            "categories move each month. A year can be asked for."
        )
    return said


def _chart(rows: Sequence[Row], asked: ReportParameters) -> BarChart:
    marks = [
        Mark(
            label=row["what"] or named(row["category"]),
            title=f"{row['what'] or named(row['category'])}, {short_date(row['day'])}",
            value=abs(row["score"]),
            said=f"{times(row['score'])} times",
            url=asked.rows_behind(_itself(row, asked)),
        )
        for row in rows
        if row["score"] is not None
    ]
    caption = "How many times the usual spread each lies from the average of its category."
    return BarChart("Movements out of the ordinary", marks[:DRAWN], caption)


UNUSUAL_MOVEMENTS = Report(
    function=unusual_movements,
    title="Unusual transactions",
    sketch="bars",
    question="Which payments were far above or below the usual amount of their category?",
    shows="Avg and StdDev over a moving window, filtered by the result",
    form=UnusualForm,
    columns=(
        Column("day", "Day", "day"),
        Column("what", "What", behind=_itself),
        Column("amount", "Amount", "money", _itself),
        Column("usual", "Average before", "money"),
        Column("spread", "Usual spread", "money"),
        Column("score", "Times", "number"),
        Column("why", "Why", words=why),
    ),
    finding=_finding,
    basis=_basis,
    chart=_chart,
    parts=(DaysBefore,),
    shown=35,
)
