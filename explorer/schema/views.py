"""The views that the explorer queries: each column with its SQL and a sentence.

They have the names and columns of the tables, so that the SQL of reports runs here as it is.

Note [Own rows first]: a security barrier keeps conditions that could raise an error away from rows
that the reader does not see, but not comparisons that never do: `WHERE account_id = ...` of another
person's account would search the index for their payments and count, in time and statistics, how
many it passed over. So a reader of the bank and a customer have a branch each. Only one of them is
executed, and that of a customer finds their rows first: nothing is pushed below its OFFSET 0.
"""

from dataclasses import dataclass

BANK = "(SELECT explorer_rules.reads_bank())"
NAMES = "(SELECT explorer_rules.reads_names())"
PERSON = "(SELECT explorer_rules.person())"
ACCOUNTS = "(SELECT explorer_rules.accounts())::uuid[]"
OWN_SIDE = f"(row.from_account_id = ANY ({ACCOUNTS}) OR row.to_account_id = ANY ({ACCOUNTS}))"


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
    """A view on one table. `own` is the SQL of whether a row, which is called `row` there, is the
    reader's own; "" where everybody reads all rows. `exists` is a condition of every row.
    """

    name: str
    about: str
    columns: tuple[ViewColumn, ...]
    own: str
    source: str = ""  # in place of the table
    exists: str = "true"

    @property
    def sql(self) -> str:
        """Returns the statement that makes it, a security barrier: conditions that may raise an
        error are checked only on rows that the reader sees. See Note [Own rows first].
        """
        head = f"CREATE VIEW explorer.{self.name} WITH (security_barrier) AS\n"
        source = self.source or f"public.{self.name}"
        if not self.own:
            return f"{head}{self._select(source, self.exists)}"
        own = f"(SELECT * FROM {source} AS row WHERE {self.exists} AND {self.own} OFFSET 0)"  # noqa: S608
        return (
            f"{head}{self._select(source, f'{self.exists} AND {BANK}')}\nUNION ALL\n"
            f"{self._select(own, f'NOT {BANK}')}"
        )

    def _select(self, source: str, condition: str) -> str:
        columns = ",\n  ".join(column.definition for column in self.columns)
        return f"SELECT\n  {columns}\nFROM {source} AS row\nWHERE {condition}"


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
    f"row.account_id = ANY ({ACCOUNTS})",
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
    OWN_SIDE,
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
    f"row.user_id = {PERSON}",
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
    f"row.id = {PERSON}",
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
    "",
)
VIEWS = (ENTRIES, TRANSACTIONS, ACCOUNT_VIEW, PEOPLE, CURRENCIES)
