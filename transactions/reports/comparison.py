"""Compares a report with the period before, or with the same days a year before.

The report runs twice, in one snapshot, and rows with the same key stand beside each other. A row
that only one period has stands alone: a sum that is not there is zero, and any other figure has no
value. There is no percentage of zero, and none of a period that begins before the first booking. A
report is in one currency, so no currencies are mixed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from ledger.text.dates import end_of_day, last_of_month, long_date, months_before
from transactions.reports.forms import COMPARISONS, YEAR_BEFORE
from transactions.reports.queries.spending import days_before
from transactions.reports.report import DISPLAY, Column, Comparison, Report, ReportParameters, Row
from transactions.reports.wording import period

EARLIER = "earlier"  # the key of a row's counterpart, beside its own values


def earlier_period(since: date, until: date, kind: str) -> tuple[date, date]:
    """The first and last day to compare with: `days_before`, or the same days a year before."""
    if kind != YEAR_BEFORE:
        return days_before(since, until)
    end = months_before(until, 12)
    return months_before(since, 12), last_of_month(end) if until == last_of_month(until) else end


def earlier_params(params: ReportParameters) -> ReportParameters:
    """The same parameters for the period to compare with."""
    since, until = earlier_period(params.values["since"], params.values["until"], params.compare)
    return replace(params, values={**params.values, "since": since, "until": until}, compare="")


def is_compared(report: Report, params: ReportParameters) -> bool:
    """Whether the parameters ask for a comparison that this report has."""
    return bool(report.comparison and params.compare)


def with_first_booking(params: ReportParameters) -> ReportParameters:
    """Returns the parameters with `goes_back`, read in one query. Without a choice, the period to
    compare with is the one before.
    """
    first_day = earlier_params(params).values["since"]
    booked = params.scope.entries().between(None, end_of_day(first_day))
    if params.currency:
        booked = booked.filter(currency=params.currency)
    return replace(params, goes_back=booked.exists())


def columns_of(report: Report, params: ReportParameters) -> Sequence[Column]:
    """The columns of the report; beside each compared figure the earlier one, the difference and
    the percentage, in place of the columns in which the report itself compares periods.
    """
    if not is_compared(report, params) or report.comparison is None:
        return report.columns
    columns: list[Column] = []
    for column in report.columns:
        if column.name in report.comparison.instead_of:
            continue
        columns.append(column)
        if column.name in report.comparison.figures:
            columns += _beside(column, params)
    return columns


def _beside(column: Column, params: ReportParameters) -> list[Column]:
    then = earlier_params(params)
    query = column.query

    def earlier_query(row: Row, _params: ReportParameters) -> str:
        return query(row[EARLIER], then) if query and row[EARLIER] else ""

    change = "change" if column.kind in ("money", "change") else "more"
    before = COMPARISONS[params.compare]
    return [
        Column(f"{column.name}_before", f"{column.label}, {before}", column.kind, earlier_query),
        Column(f"{column.name}_difference", f"{column.label}, difference", change),
        Column(f"{column.name}_percent", f"{column.label}, in percent", "growth"),
    ]


def rows_beside(
    report: Report, params: ReportParameters, now: Iterable[Row], then: Iterable[Row]
) -> list[Row]:
    """The rows of both periods as rows of `columns_of`: those of now in their order, then those
    that only the earlier period has. Rows by month are in the order of the months.
    """
    rule = report.comparison
    assert rule is not None  # noqa: S101 - callers ask `is_compared`
    before = earlier_params(params)
    earlier = {rule.key(row, place, before): row for place, row in enumerate(then)}
    rows: list[tuple[Any, Row]] = []
    for place, row in enumerate(now):
        key = rule.key(row, place, params)
        rows.append((key, {**row, **_figures(rule, params, row, earlier.pop(key, None))}))
    for key, row in earlier.items() if rule.adds_up else ():
        without = {column.name: None for column in report.columns if column.is_number}
        here = rule.here(key, params) if rule.here else {}
        rows.append((key, {**row, **without, **here, **_figures(rule, params, {}, row)}))
    if rule.is_in_order:
        rows.sort(key=lambda pair: pair[0])
    return [row for _key, row in rows]


def _figures(
    rule: Comparison, params: ReportParameters, row: Row, earlier: Row | None
) -> Mapping[str, Any]:
    """The figures beside a row. A missing sum is zero; other missing figures are unknown."""
    found: dict[str, Any] = {EARLIER: earlier}
    for name in rule.figures:
        now: Any = row.get(name)
        then: Any = (earlier or {}).get(name)
        if rule.adds_up:  # zero of the type of the other figure
            now, then = (then * 0 if now is None else now), (now * 0 if then is None else then)
        is_known = now is not None and then is not None
        found[name], found[f"{name}_before"] = now, then
        found[f"{name}_difference"] = now - then if is_known else None
        found[f"{name}_percent"] = percent(now, then) if is_known and params.goes_back else None
    return found


def percent(now: Decimal | int, then: Decimal | int) -> Decimal | None:
    """The difference as a part of the earlier figure, 0.5 for half as much again; None if that was
    zero.
    """
    return (Decimal(now) - Decimal(then)) / abs(Decimal(then)) if then else None


def sentences(report: Report, params: ReportParameters, rows: Sequence[Row]) -> Iterator[str]:
    """Which periods are compared, and for sums how both differ as a whole."""
    rule = report.comparison
    if rule is None or not params.compare:
        return
    since, until = earlier_period(params.values["since"], params.values["until"], params.compare)
    yield f"Compared with the figures {period(since, until)}."
    if not params.goes_back:
        yield f"There are no percentages, because nothing was booked by {long_date(since)}."
    for column in report.columns:
        if column.name in rule.figures and rule.adds_up:
            now = sum((row[column.name] for row in rows), Decimal(0))
            before = sum((row[f"{column.name}_before"] for row in rows), Decimal(0))
            yield _whole(column, now, before, params)


def _whole(column: Column, now: Decimal, then: Decimal, params: ReportParameters) -> str:
    show, currency = DISPLAY[column.kind], params.currency
    unit = f" {currency}" if column.kind in ("money", "change") else ""
    part = percent(now, then) if params.goes_back else None
    change = f", {DISPLAY['growth'](part, currency)}" if part is not None else ""
    return (
        f"{column.label}: {show(now, currency)}{unit}, in the earlier period "
        f"{show(then, currency)}{unit}{change}."
    )
