"""The page of the report about unusual transactions."""

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
from transactions.reports.wording import UNCATEGORISED, category_name, period_text

DRAWN = 12
QUARTER = 90
SPANS = {QUARTER: "90 days before", 182: "half a year before", YEAR: "year before"}


class TimesField(forms.DecimalField):
    """A field for the threshold in standard deviations. Any invalid input has the same error
    message.
    """

    def clean(self, value: Any) -> Any:
        try:
            return super().clean(value)
        except forms.ValidationError:
            raise forms.ValidationError("Type a number from 2 to 1000, like 3.5.") from None


class DaysField(Choice):
    """A field for the number of earlier days with which a payment is compared. The value is an
    integer.
    """

    def clean(self, value: Any) -> Any:
        return int(super().clean(value))


class UnusualForm(PeriodForm):
    """A form with a period, the threshold, and the number of earlier days. The default period is
    the last thirty days.
    """

    threshold = TimesField(
        min_value=2, max_value=1000, max_digits=6, decimal_places=2, label="z-score from"
    )
    days = DaysField(
        choices=[(days, f"The {sentence}") for days, sentence in SPANS.items()],
        label="Compared with",
    )

    def defaults(self) -> dict[str, Any]:
        today = timezone.localdate()
        return {
            "since": (today - timedelta(days=29)).isoformat(),
            "until": today.isoformat(),
            "threshold": "3",
            "days": QUARTER if self.scope.is_bank else YEAR,
        }


def _itself(row: Row, _params: ReportParameters) -> str:
    return f"id:{row['transaction_id']}"


def times(score: Decimal) -> str:
    """Returns a z-score without its sign, such as "8.2"."""
    return f"{abs(score):,.1f}"


def why(row: Mapping[str, Any], params: ReportParameters) -> str:
    """Returns the reason why a payment is listed as unusual."""
    what = row["paid_for"] or UNCATEGORISED
    usual = money(row["usual"], params.currency)
    if row["score"] is None:
        return f"{what} was {usual} each of the {row['earlier']:,} times before"
    side = "above" if row["score"] > 0 else "below"
    return f"{times(row['score'])} standard deviations {side} the average of {what}"


def _finding(rows: Sequence[Row], params: ReportParameters) -> str:
    first = rows[0]
    rest = len(rows) - 1
    others = f"; {rest:,} more {'was' if rest == 1 else 'were'} unusual" if rest else ""
    where = "where " if first["score"] is None else ""
    return (
        f"{first['what'] or category_name(first['paid_for'])} on {short_date(first['day'])}: "
        f"{money(first['amount'], params.currency)}, {where}{why(first, params)}{others}."
    )


def _basis(_rows: Sequence[Row], params: ReportParameters) -> str:
    sentence = (
        f"We compare each payment booked {period_text(params)} with the payments of the same "
        f"account and category in the {SPANS[params.values['days']]} it, if there were {ENOUGH} or "
        "more. The z-score is the distance from their average in standard deviations."
    )
    if params.scope.is_bank and params.values["days"] == QUARTER:
        sentence += (
            " The default for the whole bank is 90 days, which is fast. Choose a year for a more"
            " reliable average."
        )
    return sentence


def _chart(rows: Sequence[Row], params: ReportParameters) -> BarChart:
    marks = [
        Mark(
            label=row["what"] or category_name(row["paid_for"]),
            title=f"{row['what'] or category_name(row['paid_for'])}, {short_date(row['day'])}",
            value=abs(row["score"]),
            value_label=f"z-score {times(row['score'])}",
            url=params.search_page(_itself(row, params)),
        )
        for row in rows
        if row["score"] is not None
    ]
    caption = "Distance from the average of the category, in standard deviations."
    return BarChart("Unusual transactions", marks[:DRAWN], caption)


UNUSUAL_MOVEMENTS = Report(
    function=unusual_movements,
    title="Unusual transactions",
    sketch="bars",
    question="Which payments were far above or below the usual amount of their category?",
    shows="Avg and StdDev over a moving window, filtered by the result",
    form=UnusualForm,
    columns=(
        Column("day", "Day", "day"),
        Column("what", "What", query=_itself),
        Column("amount", "Amount", "money", _itself),
        Column("usual", "Average before", "money"),
        Column("spread", "Standard deviation", "money"),
        Column("score", "z-score", "score"),
        Column("why", "Why", text=why),
    ),
    finding=_finding,
    basis=_basis,
    chart=_chart,
    parts=(DaysBefore,),
    page_rows=35,
)
