"""Pages about what was there at a moment."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from ledger.charts.geometry import BarChart, LineChart, Mark
from ledger.text.dates import MICROSECOND, exact
from ledger.text.money import money, signed
from transactions.reports import balance_over_time, trial_balance
from transactions.reports.pages.balance_forms import BalanceForm, MomentForm
from transactions.reports.queries.balances import finest, periods_of
from transactions.reports.report import (
    Column,
    Report,
    ReportParameters,
    Row,
    after_period,
    behind_account,
)
from transactions.search.language.terms import token

DRAWN = 12  # bars; the table has all


def _days(row: Row) -> str:
    """The days of a row as the search says them: of one day, or of a week, month or year."""
    if row["first"] == row["day"]:
        return f"date:{row['day']}"
    return f"date:{row['first']}..{row['day']}"


def _booked(row: Row, asked: ReportParameters) -> str:
    number = asked.values.get("number")
    account = f"{token('account', number)} " if number else ""
    return f"is:booked {account}{_days(row)}"


def _title(row: Row) -> str:
    return f"End of {row['day'].day} {row['day']:%B %Y}"


def _balance_finding(rows: Sequence[Row], asked: ReportParameters) -> str:
    last, first = rows[-1], rows[0]
    said = money(last["balance"], asked.currency)
    day = last["day"]
    when = "today" if day == timezone.localdate() else f"at the end of {day.day} {day:%B %Y}"
    gained = last["balance"] - first["balance"] + first["change"]
    more = f"{money(abs(gained), asked.currency)} {'more' if gained > 0 else 'less'} than"
    return f"{said} {when}, {more if gained else 'as much as'} at the beginning."


def _balance_basis(_rows: Sequence[Row], asked: ReportParameters) -> str:
    whose = "one account" if asked.values.get("number") else "all accounts together"
    return (
        f"Booked money of {whose}, at the end of each period; what is only held still counts as "
        "there. Each figure is looked up in the balances stored with the entries."
    )


def _line(rows: Sequence[Row], asked: ReportParameters) -> LineChart:
    by_month = len(rows) > 1 and (rows[1]["day"] - rows[1]["first"]).days > 7
    marks = [
        Mark(
            label=f"{row['day']:%b %Y}" if by_month else f"{row['day'].day} {row['day']:%b}",
            title=_title(row),
            value=row["balance"],
            said=money(row["balance"], asked.currency),
            url=asked.rows_behind(_booked(row, asked)),
        )
        for row in rows
    ]
    return LineChart(f"Balance over time, in {asked.currency}", marks)


def _final_from(asked: ReportParameters) -> datetime | None:
    """One account's balances are its holder's: never kept."""
    return None if asked.values.get("number") else after_period(asked)


BALANCE_OVER_TIME = Report(
    function=balance_over_time,
    title="Balance over time",
    sketch="line",
    question="How much money was there, day by day?",
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
    parts=(periods_of, finest),
    final_from=_final_from,
)


def _sums(rows: Sequence[Row]) -> dict[str, Decimal]:
    names = ("opening", "debit", "credit", "ending", "outside_in", "outside_out")
    return {name: sum((row[name] for row in rows), Decimal(0)) for name in names}


def _wrong(rows: Sequence[Row]) -> Decimal:
    """By how much the books do not balance: of all accounts in sum, or of one alone."""
    sums = _sums(rows)
    whole = sums["opening"] + sums["outside_in"] - sums["outside_out"] - sums["ending"]
    single = (row["opening"] + row["credit"] - row["debit"] - row["ending"] for row in rows)
    return whole or next((wrong for wrong in single if wrong), Decimal(0))


def _trial_finding(rows: Sequence[Row], asked: ReportParameters) -> str:
    sums, wrong = _sums(rows), _wrong(rows)
    said = money(sums["ending"], asked.currency)
    if wrong:
        return f"The books do not balance: {money(abs(wrong), asked.currency)} is wrong."
    many = "1 account" if len(rows) == 1 else f"{len(rows):,} accounts"
    return f"{many} held {said}, and the books balance."


def _trial_basis(rows: Sequence[Row], asked: ReportParameters) -> str:
    sums, since = _sums(rows), asked.values["since"]
    at = exact(asked.values["at"])
    came, went = (money(sums[name], asked.currency) for name in ("outside_in", "outside_out"))
    came_in = "came into the bank" if asked.scope.is_bank else "came from others"
    proof = f"{came} that {came_in} \N{MINUS SIGN} {went} that left ="
    if since:
        opening = money(sums["opening"], asked.currency)
        proof = f"{opening} before {since.day} {since:%B %Y} + {proof}"
    proof += f" {money(sums['ending'], asked.currency)}."
    if _wrong(rows):
        return f"Just before {at}. Run the audit: it names the first account and row that differ."
    return f"Just before {at}: {proof} Balances are those stored with the entries."


def _trial_footer(rows: Sequence[Row], _asked: ReportParameters) -> list[dict[str, Any]]:
    """The sums; and what of the turnover was with the world outside, and what was not: there
    each debit is a credit of another account, so that the two are equal."""
    sums = _sums(rows)
    out, into = sums["outside_out"], sums["outside_in"]
    return [
        {"who": "All accounts", **sums},
        {"who": "of it with others outside", "debit": out, "credit": into},
        {
            "who": "of it between these accounts",
            "debit": sums["debit"] - out,
            "credit": sums["credit"] - into,
        },
    ]


def _turnover(row: Row, asked: ReportParameters, way: str = "") -> str:
    """The rows of an account, or what went "in" or "out" of it; whole days, for a search knows
    no times of day."""
    since = asked.values["since"] or ""
    last = timezone.localdate(asked.values["at"] - MICROSECOND)  # at midnight, the day before
    known = token("account", row["shown"])
    moved = f"is:{way} " if way else ""
    return f"is:booked {known} {moved}date:{since}..{last}" if known else ""


def _trial_bars(rows: Sequence[Row], asked: ReportParameters) -> BarChart:
    """Debits beside credits, of the accounts that moved most."""
    busiest = sorted(rows, key=lambda row: max(row["credit"], row["debit"]), reverse=True)
    marks = [
        Mark(
            label=row["who"],
            value=row["credit"],
            said=f"{signed(row['credit'], asked.currency)} {signed(-row['debit'], asked.currency)}",
            url=Column("who", "", behind=_turnover).url(row, asked),
            against=row["debit"],
        )
        for row in busiest[:DRAWN]
        if row["credit"] or row["debit"]
    ]
    whose = "The accounts that moved most" if len(rows) > DRAWN else "Each account that moved"
    caption = f"{whose}, in {asked.currency}. The bar is what was credited, the thin line debited."
    return BarChart(f"Credits and debits, in {asked.currency}", marks, caption)


TRIAL_BALANCE = Report(
    function=trial_balance,
    title="Trial balance",
    sketch="bars",
    question="What did each account hold at a given time, and do debits equal credits?",
    shows="Correlated subqueries, beside one grouped Sum with FILTER",
    form=MomentForm,
    columns=(
        Column("who", "Account", "text", behind_account),
        Column("opening", "Opening", "money"),
        Column("debit", "Debited", "money", lambda row, asked: _turnover(row, asked, "out")),
        Column("credit", "Credited", "money", lambda row, asked: _turnover(row, asked, "in")),
        Column("ending", "Balance", "money"),
    ),
    finding=_trial_finding,
    basis=_trial_basis,
    chart=_trial_bars,
    footer=_trial_footer,
    shown=40,
)
