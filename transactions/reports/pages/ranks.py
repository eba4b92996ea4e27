"""The pages of the reports about the highest balances."""

from collections.abc import Callable, Sequence

from ledger.charts.geometry import BarChart, Mark
from ledger.text.money import money
from transactions.reports import accounts_by_balance, users_by_balance
from transactions.reports.report import Column, Report, ReportParameters, Row, account_query

DRAWN = 12
RANKS = (
    Column("rank", "Rank", "count"),
    Column("dense_rank", "Dense rank", "count"),
    Column("percent_rank", "Others with less", "percent"),
    Column("quartile", "Quartile", "count"),
)


def _finding(one: str, many: str) -> Callable[[Sequence[Row], ReportParameters], str]:
    """Returns a function for `Report.finding`. The function returns a sentence with the top
    quartile's share of the money. For fewer than four rows, or if the total is not positive, the
    sentence contains the highest balance.
    """

    def finding(rows: Sequence[Row], params: ReportParameters) -> str:
        first = money(rows[0]["balance"], params.currency)
        whole = sum(row["balance"] for row in rows)
        top = [row["balance"] for row in rows if row["quartile"] == 1]
        if len(rows) == 1:
            return f"The only {one} has {first}."
        if len(rows) < 4 or whole <= 0:
            return f"The highest balance of {len(rows):,} {many} is {first}."
        share = f"{sum(top) / whole * 100:.0f}\N{NO-BREAK SPACE}%"
        return f"The top quarter of {len(rows):,} {many} has {share} of all {params.currency}."

    return finding


def _by(params: ReportParameters) -> str:
    """Returns a sentence for readers who may not see names: it explains that account numbers
    replace the names. Returns "" for other readers.
    """
    return (
        ""
        if params.scope.shows_names
        else " Account numbers replace the names that you may not see."
    )


def _accounts_basis(_rows: Sequence[Row], params: ReportParameters) -> str:
    return f"Booked balances now, of open accounts in {params.currency}.{_by(params)}"


def _users_basis(_rows: Sequence[Row], params: ReportParameters) -> str:
    return (
        f"Booked balances now: each customer's open accounts in {params.currency}, added together."
        f"{_by(params)}"
    )


def _chart(rows: Sequence[Row], params: ReportParameters) -> BarChart:
    who = Column("who", "", query=account_query)
    marks = [
        Mark(
            label=row["who"],
            value=row["balance"],
            value_label=money(row["balance"], params.currency),
            url=who.url(row, params),
        )
        for row in rows[:DRAWN]
    ]
    return BarChart(f"Highest balances, in {params.currency}", marks)


ACCOUNTS_BY_BALANCE = Report(
    function=accounts_by_balance,
    title="Accounts by balance",
    sketch="bars",
    question="Which accounts have the most money?",
    shows="Window functions: Rank, DenseRank, PercentRank, Ntile",
    columns=(
        Column("who", "Account", "text", account_query),
        Column("balance", "Balance", "money"),
        *RANKS,
    ),
    finding=_finding("account", "accounts"),
    basis=_accounts_basis,
    chart=_chart,
    page_rows=60,
)
USERS_BY_BALANCE = Report(
    function=users_by_balance,
    title="Customers by balance",
    sketch="bars",
    question="Which customers have the most money?",
    shows="Rank, DenseRank, PercentRank and Ntile over groups",
    columns=(
        Column("who", "Customer", "text", account_query),
        Column("accounts_count", "Accounts", "count"),
        Column("balance", "Balance", "money"),
        *RANKS,
    ),
    finding=_finding("customer", "customers"),
    basis=_users_basis,
    chart=_chart,
    bank_only=True,
    page_rows=60,
)
