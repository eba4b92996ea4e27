"""Defines the classes for attempts to break a rule of the bank's data, and for the valid rows on
which the attempts are based.

An attempt to insert a row makes one value of a valid row wrong, so that only the tested rule can
refuse the row. A test inserts each valid row unchanged and checks that Postgres accepts it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

# The SQLSTATE for each kind of rule.
NOT_NULL = "23502"
# If the table fact_keys contains a key, the facts about the page must be signed with this key. The
# attempts do not sign these facts.
KEY = "INSERT INTO fact_keys VALUES (sha256('inner'), sha256('outer'))"
FOREIGN_KEY = "23503"
UNIQUE = "23505"
CHECK = "23514"
# The time of a payment in a period that may be sealed.
OLD_ROW = "'2026-06-30 23:59:59+00' AS created_at"


@dataclass(frozen=True)
class Attempt:
    """Raw SQL that Postgres must refuse, and the rule that refuses the SQL.

    - `rule`: the name of a constraint or of a unique index, or the name that a trigger reports. For
      NOT NULL, `rule` is the name of the column.
    - `title`: a description of the attempt.
    - `given`: SQL that runs first, in the same transaction.
    - `behind` and `why`: another rule that always refuses the attempt before the tested rule is
      checked, and the reason. `behind_too` is a rule that is checked between these two rules.
    - `isolation`: an isolation level. The attempt then runs in a separate transaction with this
      level.
    """

    table: str
    rule: str
    title: str
    sql: str
    state: str = CHECK
    given: tuple[str, ...] = ()
    behind: str = ""
    behind_state: str = CHECK
    behind_too: str = ""
    why: str = ""
    isolation: str = ""

    @property
    def slug(self) -> str:
        """The name of the attempt in URLs: the name of the rule or, for NOT NULL, of the table and
        the column.
        """
        return f"{self.table}-{self.rule}" if self.state == NOT_NULL else self.rule

    @property
    def refused_by(self) -> str:
        return self.behind or self.rule

    @property
    def refused_with(self) -> str:
        return self.behind_state if self.behind else self.state

    @property
    def at_commit(self) -> bool:
        """Whether the rule is a foreign key that Django created. Postgres checks such a key at
        COMMIT.
        """
        return "_fk_" in self.rule

    @property
    def needs_the_seals(self) -> bool:
        """Whether the attempt takes the lock of the seals. All attempts share this lock."""
        return any(
            "INSERT INTO seals\n" in sql or OLD_ROW in sql for sql in (*self.given, self.sql)
        )

    @property
    def all_sql(self) -> str:
        """All SQL statements of the attempt, in order."""
        statements = [*self.given, self.sql]
        if self.isolation:
            statements.insert(0, f"SET TRANSACTION ISOLATION LEVEL {self.isolation}")
        if self.at_commit:
            statements.append("SET CONSTRAINTS ALL IMMEDIATE  -- as COMMIT would")
        return "\n\n".join(f"{sql};" if "  -- as" not in sql else sql for sql in statements)

    def checked_after(
        self, rule: str, why: str, state: str = CHECK, *, and_behind: str = ""
    ) -> "Attempt":
        """Returns a copy of this attempt for a case in which `rule` refuses the SQL before the
        tested rule is checked.
        """
        return replace(self, behind=rule, behind_state=state, why=why, behind_too=and_behind)


# Rows of the practice bank that the attempts use, by name. Each module adds the rows that only its
# attempts use.
FOUND = {
    "ana": """SELECT accounts.* FROM accounts JOIN users ON users.id = user_id
    WHERE email = 'ana@example.com' AND accounts.name = 'Everyday'""",
    "savings": """SELECT accounts.* FROM accounts JOIN users ON users.id = user_id
    WHERE email = 'ana@example.com' AND accounts.name = 'Savings'""",
    "travel": """SELECT accounts.* FROM accounts JOIN users ON users.id = user_id
    WHERE email = 'ana@example.com' AND accounts.name = 'Travel'""",
    "mara": """SELECT accounts.* FROM accounts JOIN users ON users.id = user_id
    WHERE email = 'mara.lindt@example.com'""",
    "frozen": "SELECT * FROM accounts WHERE status = 'frozen' LIMIT 1",
    "person": "SELECT * FROM users WHERE email = 'ana@example.com'",
    "colleague": """SELECT id FROM users
    WHERE email NOT IN ('ana@example.com', 'mara.lindt@example.com') ORDER BY id LIMIT 1""",
    "hold": "SELECT * FROM transactions WHERE status = 'pending' LIMIT 1",
    "paid": """SELECT row.* FROM transactions AS row JOIN ana ON ana.id = row.from_account_id
    WHERE row.type = 'withdrawal' AND row.status = 'completed' AND row.captures_id IS NULL
    ORDER BY row.created_at DESC LIMIT 1""",
    "file": "SELECT * FROM payment_files LIMIT 1",
    "colleagues": "SELECT * FROM auth_group ORDER BY id LIMIT 1",
    "operations": "SELECT * FROM auth_group WHERE name = 'operations'",
    "right_to": "SELECT * FROM auth_permission ORDER BY id LIMIT 1",
    "twice": "SELECT * FROM generate_series(1, 2)",
}


@dataclass(frozen=True)
class ValidRow:
    """A valid row: its table accepts the row. Attempts change one value of the row, so that a rule
    refuses the row.

    - `values`: the SQL for the value of each column.
    - `found`: the names of subqueries in FOUND that this SQL uses.
    - `called`: the noun for the row in titles, such as "a payment".
    - `also`: the columns whose values are changed in a copy of the row that `but` has made.
    """

    table: str
    called: str
    values: Mapping[str, str]
    found: tuple[str, ...] = ()
    nullable: frozenset[str] = frozenset()
    given: tuple[str, ...] = ()
    also: tuple[str, ...] = field(default=(), repr=False)

    def but(self, *also: str, **changed: str) -> "ValidRow":
        """Returns a copy of the row with the values in `changed`. `also` contains additional names
        in FOUND that these values use.
        """
        unknown = changed.keys() - self.values.keys()
        if unknown:
            raise KeyError(f"{self.table} has no {', '.join(sorted(unknown))}")
        return replace(
            self,
            values={**self.values, **changed},
            found=(*self.found, *also),
            also=(*self.also, *changed),
        )

    @property
    def insert(self) -> str:
        """The INSERT statement. A comment marks each changed value."""
        lines = []
        for number, (column, value) in enumerate(self.values.items(), start=1):
            comma = "," if number < len(self.values) else ""
            here = "  -- here" if column in self.also else ""
            lines.append(f"    {value} AS {column}{comma}{here}")
        found = ",\n".join(f"{name} AS (\n    {FOUND[name]}\n)" for name in self.found)
        return "\n".join(
            [
                *([f"WITH {found}"] if found else []),
                f"INSERT INTO {self.table}\n    ({', '.join(self.values)})\nSELECT",
                *lines,
                *([f"FROM {', '.join(self.found)}"] if found else []),
            ]
        )

    def attempt(self, rule: str, title: str, state: str = CHECK, /, **changed: str) -> Attempt:
        """Returns the attempt to insert this row with the values in `changed`."""
        return Attempt(self.table, rule, title, self.but(**changed).insert, state, self.given)

    def left_out(self, besides: Iterable[str] = ()) -> list[Attempt]:
        """Returns one attempt for each NOT NULL column, except the columns in `besides`. Each
        attempt inserts the row with NULL in one column.
        """
        return [
            self.attempt(
                column,
                f"Insert {self.called} without its {_words(column)}",
                NOT_NULL,
                **{column: "NULL"},
            )
            for column in self.values
            if column not in self.nullable and column not in besides
        ]


def _words(column: str) -> str:
    return column.removesuffix("_id").replace("_", " ") or column


def stay(
    row: str, rows: str, table: str, change: str, given: tuple[str, ...] = ()
) -> list[Attempt]:
    """Returns two attempts on a table whose rows may not change: one updates a row, and one
    truncates the table.
    """
    return [
        Attempt(table, row, f"Update a row of {table}", change, given=given),
        Attempt(table, rows, f"Truncate {table}", f"TRUNCATE {table} CASCADE"),
    ]
