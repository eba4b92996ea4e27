"""Compares a report with the previous period, or with the same days one year earlier.

The report runs twice in one snapshot, and rows with the same key are combined. If one of the
periods has no row with this key, a missing sum is zero, and other missing numbers are None. There
is no percentage if the earlier value is zero, or if the earlier period starts before the first
booking. Currencies are never mixed, because a report has amounts in only one currency.
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

EARLIER = "earlier"  # the key for the row of the earlier period in a combined row


def earlier_period(since: date, until: date, kind: str) -> tuple[date, date]:
    """Returns the first and last day of the earlier period. For YEAR_BEFORE, these are the same
    days one year earlier, otherwise the result of `days_before`.
    """
    if kind != YEAR_BEFORE:
        return days_before(since, until)
    end = months_before(until, 12)
    return months_before(since, 12), last_of_month(end) if until == last_of_month(until) else end


def earlier_params(params: ReportParameters) -> ReportParameters:
    """Returns the parameters of the report for the earlier period."""
    since, until = earlier_period(params.values["since"], params.values["until"], params.compare)
    return replace(params, values={**params.values, "since": since, "until": until}, compare="")


def is_compared(report: Report, params: ReportParameters) -> bool:
    """Returns whether the user chose a comparison and the report supports it."""
    return bool(report.comparison and params.compare)


def with_first_booking(params: ReportParameters) -> ReportParameters:
    """Returns the parameters with `goes_back` set. `goes_back` is true if anything was booked by
    the first day of the earlier period. If the user chose no comparison, this is the previous
    period. Sends one query.
    """
    first_day = earlier_params(params).values["since"]
    booked = params.scope.entries().between(None, end_of_day(first_day))
    if params.currency:
        booked = booked.filter(currency=params.currency)
    return replace(params, goes_back=booked.exists())


def columns_of(report: Report, params: ReportParameters) -> Sequence[Column]:
    """Returns the columns of the report. With a comparison, three columns follow each compared
    column: the earlier value, the difference and the percentage. The columns in
    `Comparison.instead_of` are left out.
    """
    if not is_compared(report, params) or report.comparison is None:
        return report.columns
    columns: list[Column] = []
    for column in report.columns:
        if column.name in report.comparison.instead_of:
            continue
        columns.append(column)
        if column.name in report.comparison.figures:
            columns += _comparison_columns(column, params)
    return columns


def _comparison_columns(column: Column, params: ReportParameters) -> list[Column]:
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


def compared_rows(
    report: Report, params: ReportParameters, now: Iterable[Row], then: Iterable[Row]
) -> list[Row]:
    """Returns the combined rows of both periods, with values for the columns of `columns_of`.

    First come the rows of the current period, in their order, then the rows that exist only in the
    earlier period. With `Comparison.is_in_order`, all rows are sorted by their keys instead.
    """
    rule = report.comparison
    assert rule is not None  # noqa: S101 - callers check `is_compared`
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
    """Returns the values that the comparison adds to a row. A missing sum is zero. Other missing
    numbers are None.
    """
    found: dict[str, Any] = {EARLIER: earlier}
    for name in rule.figures:
        now: Any = row.get(name)
        then: Any = (earlier or {}).get(name)
        if rule.adds_up:  # zero with the same type as the other number
            now, then = (then * 0 if now is None else now), (now * 0 if then is None else then)
        is_known = now is not None and then is not None
        found[name], found[f"{name}_before"] = now, then
        found[f"{name}_difference"] = now - then if is_known else None
        found[f"{name}_percent"] = percent(now, then) if is_known and params.goes_back else None
    return found


def percent(now: Decimal | int, then: Decimal | int) -> Decimal | None:
    """Returns the change from `then` to `now` as a fraction of `then`, or None if `then` is zero.
    The result 0.5 means 50 % more.
    """
    return (Decimal(now) - Decimal(then)) / abs(Decimal(then)) if then else None


def sentences(report: Report, params: ReportParameters, rows: Sequence[Row]) -> Iterator[str]:
    """Yields sentences that name the earlier period, and the totals of both periods for columns
    with sums.
    """
    rule = report.comparison
    if rule is None or not params.compare:
        return
    since, until = earlier_period(params.values["since"], params.values["until"], params.compare)
    yield f"Compared with the numbers {period(since, until)}."
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
    change = f" ({DISPLAY['growth'](part, currency)})" if part is not None else ""
    return (
        f"{column.label}: {show(now, currency)}{unit}, compared with "
        f"{show(then, currency)}{unit} in the earlier period{change}."
    )
