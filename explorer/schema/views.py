"""The views that the explorer queries: each column with its SQL and a sentence.

They have the names and columns of the tables, so that the SQL of reports runs here as it is.
"""

from dataclasses import dataclass

BANK = "(SELECT explorer_rules.reads_bank())"
NAMES = "(SELECT explorer_rules.reads_names())"
PERSON = "(SELECT explorer_rules.person())"
ACCOUNTS = "(SELECT explorer_rules.accounts())::uuid[]"
OWN_SIDE = f"ARRAY[row.from_account_id, row.to_account_id] && {ACCOUNTS}"


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """A column: its sentence for the page, and its SQL, without which it is the table's own."""

    name: str
    about: str
    sql: str = ""

    @property
    def definition(self) -> str:
        return f"{self.sql or f'row.{self.name}'} AS {self.name}"


@dataclass(frozen=True, slots=True)
class ExplorerView:
    """A view on one table: `rows` is the SQL of who sees a row, which is called `row` there."""

    name: str
    about: str
    columns: tuple[ViewColumn, ...]
    rows: str
    source: str = ""  # in place of the table

    @property
    def sql(self) -> str:
        """The statement that makes it. A security barrier: conditions of a query that may tell of
        rows, as a cast that fails does, are asked only of rows that the reader sees.
        """
        columns = ",\n  ".join(column.definition for column in self.columns)
        return (
            f"CREATE VIEW explorer.{self.name} WITH (security_barrier) AS\nSELECT\n  {columns}\n"
            f"FROM {self.source or f'public.{self.name}'} AS row\nWHERE {self.rows}"
        )


def _named(column: str, owner: str) -> str:
    """A text that only its owner sees, and who may see names."""
    return f"CASE WHEN {NAMES} OR row.{owner} = {PERSON} THEN row.{column} END"


OF_OTHERS = "; of others NULL where you may not see names"
# The values that the bank itself groups by stay.
KEYS_ALONE = """(
    SELECT jsonb_object_agg(
      key, CASE WHEN key IN ('category', 'channel') THEN value ELSE 'null' END)
    FROM jsonb_each(row.metadata)
  )"""


def _of_a_payment(is_own: str) -> tuple[ViewColumn, ...]:
    """What both views of payments have. Texts that people wrote may name them: without names, a
    reader sees those of their own payments alone, as in the search.
    """

    def written(column: str, about: str, others: str = "NULL") -> ViewColumn:
        sql = f"CASE WHEN {NAMES} OR {is_own} THEN row.{column} ELSE {others} END"
        return ViewColumn(column, about, sql)

    return (
        ViewColumn("amount", "Always above zero; the sides say the direction"),
        ViewColumn("currency", "Three letters, such as EUR"),
        ViewColumn("type", "transfer, deposit or withdrawal"),
        ViewColumn("status", "completed; of holds: pending, captured or voided"),
        written("description", f"What the payer wrote{OF_OTHERS}"),
        written("reference", f"The payer's reference{OF_OTHERS}"),
        written(
            "metadata", "A JSON object, such as {\"category\": \"rent\"}; of others without most"
            " values where you may not see names", KEYS_ALONE,
        ),
        ViewColumn("category", "The metadata's category"),
        ViewColumn("created_at", "When it was booked; rises within each account"),
        ViewColumn("value_date", "The day from which it counts"),
        ViewColumn("captures_id", "The hold that it completes"),
        ViewColumn("reverses_id", "The payment that it refunds"),
    )  # fmt: skip


# As the view `entries`, which under row-level security reads with the rights of who asks.
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
        *_of_a_payment(f"row.account_id = ANY ({ACCOUNTS})"),
    ),
    f"row.account_id IS NOT NULL AND ({BANK} OR row.account_id = ANY ({ACCOUNTS}))",
    source=f"({_SIDES})",
)
TRANSACTIONS = ExplorerView(
    "transactions",
    "One row for each payment or hold, with both sides",
    (
        ViewColumn("id", "For services also the idempotency key"),
        ViewColumn("from_account_id", "The payer; NULL for a deposit"),
        ViewColumn("to_account_id", "The recipient; NULL for a withdrawal"),
        *_of_a_payment(OWN_SIDE),
        ViewColumn(
            "from_balance", "The payer's balance right after it; of others NULL for customers",
            f"CASE WHEN {BANK} OR row.from_account_id = ANY ({ACCOUNTS}) THEN row.from_balance END",
        ),
        ViewColumn(
            "to_balance", "The recipient's balance right after it; of others NULL for customers",
            f"CASE WHEN {BANK} OR row.to_account_id = ANY ({ACCOUNTS}) THEN row.to_balance END",
        ),
        ViewColumn("expires_at", "When a hold ends"),
    ),
    f"{BANK} OR {OWN_SIDE}",
)  # fmt: skip
ACCOUNT_VIEW = ExplorerView(
    "accounts",
    "One row for each account",
    (
        ViewColumn("id", "As in entries.account_id"),
        ViewColumn("user_id", "Who holds it"),
        ViewColumn(
            "number", "Its last four digits where you may not see names",
            f"CASE WHEN {NAMES} OR row.user_id = {PERSON} THEN row.number"
            " ELSE '\N{MIDDLE DOT}\N{MIDDLE DOT}' || right(row.number, 4) END",
        ),
        ViewColumn(
            "name", "As its holder calls it; NULL where you may not see names",
            _named("name", "user_id"),
        ),
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
    f"{BANK} OR row.user_id = {PERSON}",
)  # fmt: skip
PEOPLE = ExplorerView(
    "users",
    "One row for each person, without addresses",
    (
        ViewColumn("id", "As in accounts.user_id"),
        ViewColumn("name", "NULL where you may not see names", _named("name", "id")),
        ViewColumn("email", "Always NULL: no address is shown here", "NULL::text"),
        ViewColumn("created_at", "When they joined"),
        ViewColumn("deleted_at", "When they left"),
    ),
    f"{BANK} OR row.id = {PERSON}",
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
    "true",
)
VIEWS = (ENTRIES, TRANSACTIONS, ACCOUNT_VIEW, PEOPLE, CURRENCIES)
