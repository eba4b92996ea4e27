"""The pages of the reports about balances."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from ledger.charts.geometry import BarChart, LineChart, Mark
from ledger.text.dates import MICROSECOND, day_mark, exact, long_date, short_month
from ledger.text.money import money, signed
from transactions.reports import balance_over_time, trial_balance
from transactions.reports.pages.balance_forms import BalanceForm, MomentForm
from transactions.reports.queries.balances import finest_step, periods_of
from transactions.reports.report import (
    Column,
    Comparison,
    Report,
    ReportParameters,
    Row,
    account_query,
    after_period,
)
from transactions.search.language.terms import token

DRAWN = 12  # maximum number of bars in the chart; the table has all rows


def _days(row: Row) -> str:
    """Returns the search term for the period of a row."""
    if row["first"] == row["day"]:
        return f"date:{row['day']}"
    return f"date:{row['first']}..{row['day']}"


def _booked(row: Row, params: ReportParameters) -> str:
    number = params.values.get("number")
    account = f"{token('account', number)} " if number else ""
    return f"is:booked {account}{_days(row)}"


def _title(row: Row) -> str:
    return f"End of {long_date(row['day'])}"


def _balance_finding(rows: Sequence[Row], params: ReportParameters) -> str:
    last, first = rows[-1], rows[0]
    sentence = money(last["balance"], params.currency)
    day = last["day"]
    when = "today" if day == timezone.localdate() else f"at the end of {long_date(day)}"
    gained = last["balance"] - first["balance"] + first["change"]
    more = f"{money(abs(gained), params.currency)} {'more' if gained > 0 else 'less'} than"
    return f"{sentence} {when}, {more if gained else 'as much as'} at the beginning."


def _balance_basis(_rows: Sequence[Row], params: ReportParameters) -> str:
    of = "one account" if params.values.get("number") else "all accounts together"
    return (
        f"Booked balance of {of} at the end of each period, including money on hold. Each "
        "number comes from the balances that are stored with the entries."
    )


def _line(rows: Sequence[Row], params: ReportParameters) -> LineChart:
    by_month = len(rows) > 1 and (rows[1]["day"] - rows[1]["first"]).days > 7
    marks = [
        Mark(
            label=short_month(row["day"]) if by_month else day_mark(row["day"]),
            title=_title(row),
            value=row["balance"],
            value_label=money(row["balance"], params.currency),
            url=params.search_page(_booked(row, params)),
        )
        for row in rows
    ]
    return LineChart(f"Balance over time, in {params.currency}", marks)


def _final_from(params: ReportParameters) -> datetime | None:
    """Returns the time after which no new entry can change the report: the end of the period.
    Returns None for a report on a single account, because balances of one account belong to its
    holder and are never cached.
    """
    return None if params.values.get("number") else after_period(params)


BALANCE_OVER_TIME = Report(
    function=balance_over_time,
    title="Balance over time",
    sketch="line",
    question="How much money was there over time?",
    shows="LATERAL: one index look-up for each account and day",
    form=BalanceForm,
    columns=(
        Column("day", "End of", "day"),
        Column("balance", "Balance", "money"),
        Column("change", "Change", "change", _booked),
    ),
    finding=_balance_finding,
    basis=_balance_basis,
    chart=_line,
    parts=(periods_of, finest_step),
    final_from=_final_from,
    comparison=Comparison(("balance",), lambda _row, place, _params: place, adds_up=False),
)


def _sums(rows: Sequence[Row]) -> dict[str, Decimal]:
    names = ("opening", "debit", "credit", "ending", "outside_in", "outside_out")
    return {name: sum((row[name] for row in rows), Decimal(0)) for name in names}


def _wrong(rows: Sequence[Row]) -> Decimal:
    """Returns the amount by which the total does not balance. If the total balances, returns the
    amount for the first account that does not balance, or zero if all accounts balance.
    """
    sums = _sums(rows)
    whole = sums["opening"] + sums["outside_in"] - sums["outside_out"] - sums["ending"]
    single = (row["opening"] + row["credit"] - row["debit"] - row["ending"] for row in rows)
    return whole or next((wrong for wrong in single if wrong), Decimal(0))


def _trial_finding(rows: Sequence[Row], params: ReportParameters) -> str:
    sums, wrong = _sums(rows), _wrong(rows)
    sentence = money(sums["ending"], params.currency)
    if wrong:
        return f"The books do not balance: {money(abs(wrong), params.currency)} is wrong."
    accounts = "1 account" if len(rows) == 1 else f"{len(rows):,} accounts"
    return f"{accounts} had {sentence}, and the books balance."


def _trial_basis(rows: Sequence[Row], params: ReportParameters) -> str:
    sums, since = _sums(rows), params.values["since"]
    at = exact(params.values["at"])
    came, went = (money(sums[name], params.currency) for name in ("outside_in", "outside_out"))
    came_in = "came into the bank" if params.scope.is_bank else "came from others"
    proof = f"{came} {came_in} and {went} went out"
    if since:
        opening = money(sums["opening"], params.currency)
        proof = f"{opening} before {long_date(since)}, then {proof}"
    proof += f", so the balance is {money(sums['ending'], params.currency)}."
    if _wrong(rows):
        return (
            f"This is the state just before {at}. Run the audit to find the first account "
            "and row that differ."
        )
    source = " Balances are those stored with the entries." if params.scope.is_bank else ""
    return f"Just before {at}: {proof}{source}"


def _trial_footer(rows: Sequence[Row], _params: ReportParameters) -> list[dict[str, Any]]:
    """Returns three rows: the totals, the turnover with accounts outside the scope, and the
    turnover between accounts of the scope.

    In the third row, debits and credits are equal, because each debit of one account is a credit of
    another account.
    """
    sums = _sums(rows)
    out, into = sums["outside_out"], sums["outside_in"]
    return [
        {"who": "All accounts", **sums},
        {"who": "with accounts outside", "debit": out, "credit": into},
        {
            "who": "between these accounts",
            "debit": sums["debit"] - out,
            "credit": sums["credit"] - into,
        },
    ]


def _turnover(row: Row, params: ReportParameters, way: str = "") -> str:
    """Returns the search query for the entries of an account. `way` is "in" or "out".

    The query covers whole days, because the search does not support times of day.
    """
    since = params.values["since"] or ""
    # If `at` is midnight, the last day is the previous day.
    last = timezone.localdate(params.values["at"] - MICROSECOND)
    known = token("account", row["account_key"])
    moved = f"is:{way} " if way else ""
    return f"is:booked {known} {moved}date:{since}..{last}" if known else ""


def _trial_bars(rows: Sequence[Row], params: ReportParameters) -> BarChart:
    """Returns a chart with the credits and debits of the accounts that have the highest
    turnover.
    """
    busiest = sorted(rows, key=lambda row: max(row["credit"], row["debit"]), reverse=True)
    marks = [
        Mark(
            label=row["who"],
            value=row["credit"],
            value_label=" ".join(
                signed(each, params.currency) for each in (row["credit"], -row["debit"])
            ),
            url=Column("who", "", query=_turnover).url(row, params),
            comparison=row["debit"],
        )
        for row in busiest[:DRAWN]
        if row["credit"] or row["debit"]
    ]
    bars = (
        "The accounts with the highest turnover"
        if len(rows) > DRAWN
        else "Each account with turnover"
    )
    caption = f"{bars}, in {params.currency}. Bar: credited. Marker: debited."
    return BarChart(f"Credits and debits, in {params.currency}", marks, caption)


TRIAL_BALANCE = Report(
    function=trial_balance,
    title="Trial balance",
    sketch="bars",
    question="What was the balance of each account at a given time, and do debits equal credits?",
    shows="Correlated subqueries, and one grouped Sum with FILTER",
    form=MomentForm,
    columns=(
        Column("who", "Account", "text", account_query),
        Column("opening", "Opening", "money"),
        Column("debit", "Debited", "money", lambda row, params: _turnover(row, params, "out")),
        Column("credit", "Credited", "money", lambda row, params: _turnover(row, params, "in")),
        Column("ending", "Balance", "money"),
    ),
    finding=_trial_finding,
    basis=_trial_basis,
    chart=_trial_bars,
    footer=_trial_footer,
    page_rows=40,
)
