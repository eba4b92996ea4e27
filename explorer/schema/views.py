"""The views that users query in the explorer. Each column has its SQL and a description.

The views have the same names and columns as the tables, so the SQL of reports can be run here
unchanged.

Note [All rows or none]: each user sees all rows or no rows. If customers could write SQL for a view
that contains only their own rows, they could find out facts about other people's rows: the
estimates of the planner use statistics of all rows, and the order of the rows depends on the
estimates. Columns with names and texts are expressions, for which there are no statistics.
"""

from dataclasses import dataclass

from transactions.search.language.query import KEYS_WITHOUT_NAMES

BANK = "(SELECT explorer_rules.reads_bank())"
NAMES = "(SELECT explorer_rules.reads_names())"


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """A column of a view, with its description for the page. `sql` is the SQL of the column
    (default: the column of the table with the same name).
    """

    name: str
    about: str
    sql: str = ""

    @property
    def definition(self) -> str:
        return f"{self.sql or f'row.{self.name}'} AS {self.name}"


@dataclass(frozen=True, slots=True)
class ExplorerView:
    """A view on one table, which the SQL of its columns calls `row`. `exists` is an SQL condition
    for the rows that the view contains.
    """

    name: str
    about: str
    columns: tuple[ViewColumn, ...]
    source: str = ""  # the SQL to use instead of the table
    exists: str = "true"

    @property
    def sql(self) -> str:
        """The SQL statement that creates the view as a security barrier. An expression in a query
        may raise an error. Because of the barrier, Postgres evaluates such an expression only for
        rows that the user may see. See Note [All rows or none].
        """
        columns = ",\n  ".join(column.definition for column in self.columns)
        source = self.source or f"public.{self.name}"
        return (
            f"CREATE VIEW explorer.{self.name} WITH (security_barrier) AS\n"
            f"SELECT\n  {columns}\nFROM {source} AS row\nWHERE {self.exists} AND {BANK}"
        )


def _named(column: str, about: str, others: str = "NULL") -> ViewColumn:
    """Returns a column with text that may contain names of people. `others` is the SQL expression
    of the column for users who may not see names.
    """
    return ViewColumn(column, about, f"CASE WHEN {NAMES} THEN row.{column} ELSE {others} END")


HIDDEN = "NULL where you may not see names"
# The values of these columns are visible to all users of the explorer, because the bank groups by
# them.
_STAY = ", ".join(f"'{key}'" for key in KEYS_WITHOUT_NAMES)
METADATA_KEYS_ONLY = f"""(
    SELECT jsonb_object_agg(
      key, CASE WHEN key IN ({_STAY}) THEN value ELSE 'null' END)
    FROM jsonb_each(row.metadata)
  )"""  # noqa: S608
# The columns that both views of payments have. Texts that people wrote may contain names.
OF_A_PAYMENT = (
    ViewColumn("amount", "Always above zero; the sides say the direction"),
    ViewColumn("currency", "Three letters, such as EUR"),
    ViewColumn("type", "transfer, deposit or withdrawal"),
    ViewColumn("status", "completed; of holds: pending, captured or voided"),
    _named("description", f"What the payer wrote; {HIDDEN}"),
    _named("reference", f"The payer's reference; {HIDDEN}"),
    _named(
        "metadata", "A JSON object, such as {\"category\": \"rent\"}; without most values where you"
        " may not see names", METADATA_KEYS_ONLY,
    ),
    ViewColumn("category", "The metadata's category"),
    ViewColumn("created_at", "When it was booked; rises within each account"),
    ViewColumn("value_date", "The day from which it counts"),
    ViewColumn("captures_id", "The hold that it completes"),
    ViewColumn("reverses_id", "The payment that it refunds"),
)  # fmt: skip


# Like the view `entries`, which has the rights of the querying user under row-level security.
_SIDE = """SELECT id AS transaction_id, {from_}_account_id AS account_id,
  {to}_account_id AS counterparty_id, '{direction}'::text AS direction,
  {sign}amount AS signed_amount, {from_}_balance AS balance, amount, currency, type, status,
  description, reference, metadata, category, created_at, value_date, captures_id, reverses_id
  FROM public.transactions"""
_SIDES = " UNION ALL ".join(
    [
        _SIDE.format(from_="from", to="to", direction="debit", sign="-"),
        _SIDE.format(from_="to", to="from", direction="credit", sign=""),
    ]
)
ENTRIES = ExplorerView(
    "entries",
    "One row for each side of a payment on an account: what a statement shows",
    (
        ViewColumn("transaction_id", "The payment"),
        ViewColumn("account_id", "The account of this side"),
        ViewColumn("counterparty_id", "The account of the other side; NULL outside the bank"),
        ViewColumn("direction", "debit is out, credit is in"),
        ViewColumn("signed_amount", "The amount, below zero for a debit"),
        ViewColumn("balance", "The account's balance right after it; NULL for a hold"),
        *OF_A_PAYMENT,
    ),
    source=f"({_SIDES})",
    exists="row.account_id IS NOT NULL",
)
TRANSACTIONS = ExplorerView(
    "transactions",
    "One row for each payment or hold, with both sides",
    (
        ViewColumn("id", "For services also the idempotency key"),
        ViewColumn("from_account_id", "The payer; NULL for a deposit"),
        ViewColumn("to_account_id", "The recipient; NULL for a withdrawal"),
        *OF_A_PAYMENT,
        ViewColumn("from_balance", "The payer's balance right after it"),
        ViewColumn("to_balance", "The recipient's balance right after it"),
        ViewColumn("expires_at", "When a hold ends"),
    ),
)
ACCOUNT_VIEW = ExplorerView(
    "accounts",
    "One row for each account",
    (
        ViewColumn("id", "As in entries.account_id"),
        ViewColumn("user_id", "Who holds it"),
        _named(
            "number", "Its last four digits where you may not see names",
            "'\N{MIDDLE DOT}\N{MIDDLE DOT}' || right(row.number, 4)",
        ),
        _named("name", f"As its holder calls it; {HIDDEN}"),
        ViewColumn("currency", "Three letters"),
        ViewColumn("status", "active, frozen or closed"),
        ViewColumn("balance", "Booked money"),
        ViewColumn("held", "Reserved by holds"),
        ViewColumn("available", "Balance and overdraft limit, less what is held"),
        ViewColumn("overdraft_limit", "How far below zero it may go"),
        ViewColumn("last_entry_at", "When its last entry was booked"),
        ViewColumn("created_at", "When it was opened"),
        ViewColumn("closed_at", "When it was closed"),
    ),
)  # fmt: skip
PEOPLE = ExplorerView(
    "users",
    "One row for each person, without addresses",
    (
        ViewColumn("id", "As in accounts.user_id"),
        _named("name", HIDDEN),
        ViewColumn("email", "Always NULL: no address is shown here", "NULL::text"),
        ViewColumn("created_at", "When they joined"),
        ViewColumn("deleted_at", "When they left"),
    ),
)
CURRENCIES = ExplorerView(
    "currencies",
    "One row for each currency",
    (
        ViewColumn("code", "Three letters"),
        ViewColumn("name", "In English"),
        ViewColumn("minor_units", "Decimals of its amounts"),
        ViewColumn("is_open", "Whether accounts are opened in it"),
    ),
)
VIEWS = (ENTRIES, TRANSACTIONS, ACCOUNT_VIEW, PEOPLE, CURRENCIES)
