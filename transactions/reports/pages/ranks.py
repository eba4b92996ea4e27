"""Pages about who has most."""

from collections.abc import Callable, Sequence

from ledger.charts.geometry import BarChart, Mark
from ledger.text.money import money
from transactions.reports import accounts_by_balance, users_by_balance
from transactions.reports.report import Column, Report, ReportParameters, Row, behind_account

SHOWN_BARS = 12
RANKS = (
    Column("rank", "Rank", "count"),
    Column("dense_rank", "Dense rank", "count"),
    Column("poorer", "Others with less", "percent"),
    Column("quarter", "Quarter", "count"),
)


def _finding(one: str, many: str) -> Callable[[Sequence[Row], ReportParameters], str]:
    """The share of the fullest quarter, which says more than the first name."""

    def say(rows: Sequence[Row], asked: ReportParameters) -> str:
        first = money(rows[0]["balance"], asked.currency)
        whole = sum(row["balance"] for row in rows)
        top = [row["balance"] for row in rows if row["quarter"] == 1]
        if len(rows) == 1:
            return f"The only {one} has {first}."
        if len(rows) < 4 or whole <= 0:
            return f"The fullest of {len(rows):,} {many} has {first}."
        share = f"{sum(top) / whole * 100:.0f}\N{NO-BREAK SPACE}%"
        return f"The fullest quarter of {len(rows):,} {many} holds {share} of all money."

    return say


def _by(asked: ReportParameters) -> str:
    """How people are called where the reader may not know who they are."""
    return (
        "" if asked.scope.shows_names else " In place of names stand the ends of account numbers."
    )


def _accounts_basis(_rows: Sequence[Row], asked: ReportParameters) -> str:
    return f"Booked balances now, of accounts in {asked.currency} that are not closed.{_by(asked)}"


def _users_basis(_rows: Sequence[Row], asked: ReportParameters) -> str:
    return (
        f"Booked balances now, of each person's accounts in {asked.currency} together that are "
        f"not closed.{_by(asked)}"
    )


def _chart(rows: Sequence[Row], asked: ReportParameters) -> BarChart:
    who = Column("who", "", behind=behind_account)
    marks = [
        Mark(
            label=row["who"],
            value=row["balance"],
            said=money(row["balance"], asked.currency),
            url=who.url(row, asked),
        )
        for row in rows[:SHOWN_BARS]
    ]
    return BarChart(f"The fullest, in {asked.currency}", marks)


ACCOUNTS_BY_BALANCE = Report(
    function=accounts_by_balance,
    title="Accounts by balance",
    sketch="bars",
    question="Which accounts hold the most?",
    shows="Window functions: Rank, DenseRank, PercentRank, Ntile",
    columns=(
        Column("who", "Account", "text", behind_account),
        Column("balance", "Balance", "money"),
        *RANKS,
    ),
    finding=_finding("account", "accounts"),
    basis=_accounts_basis,
    chart=_chart,
    shown=60,
)
USERS_BY_BALANCE = Report(
    function=users_by_balance,
    title="Customers by balance",
    sketch="bars",
    question="Which customers hold the most?",
    shows="Rank, DenseRank, PercentRank and Ntile over groups",
    columns=(
        Column("who", "Who", "text", behind_account),
        Column("accounts_count", "Accounts", "count"),
        Column("balance", "Balance", "money"),
        *RANKS,
    ),
    finding=_finding("person", "people"),
    basis=_users_basis,
    chart=_chart,
    bank_only=True,
    shown=60,
)
