"""Creates the SQL conditions of the row-level security policies: which rows a reader may read and
write.

Note [Policies]: a condition on the reader is a subquery without columns of the table, so that
Postgres runs its function once per SQL statement. The two accounts of a payment are compared as an
array. With `from_account_id = ANY (...) OR to_account_id = ANY (...)`, the planner might use this
condition to find rows, instead of the condition of the page (docs/rights.md).
"""

from dataclasses import dataclass

from ledger.db.rights.row_security import WORKS

READS_BANK = "(SELECT row_security.reads_bank())"
READS_DIRECTORY = "(SELECT row_security.reads_directory())"
LOCKS_ACCOUNTS = "(SELECT row_security.locks_accounts())"
IS_STAFF = "(SELECT row_security.is_staff())"
AUDITS = "(SELECT row_security.audits())"
SIGNS_IN = "(SELECT row_security.signs_in())"
READS_PEOPLE = "(SELECT row_security.reads_people())"
PERSON = "(SELECT row_security.person())"
ACCOUNTS = "(SELECT row_security.accounts())::uuid[]"
NOBODY = "false"
NAMES = ("reads", "inserts", "changes", "deletes", WORKS)  # the names of the policies of each table

IS_OWN = f"owner_id = {PERSON}"
IS_OWN_ACCOUNT = f"account_id = ANY ({ACCOUNTS})"
PAYS_FROM_OWN = f"from_account_id = ANY ({ACCOUNTS})"


def may(*codenames: str) -> str:
    """Returns the SQL condition that the reader is a staff member with at least one of these
    permissions. Without permissions, the condition is that the reader is a superuser.
    """
    return f"(SELECT row_security.may('{{{','.join(codenames)}}}'))"


MOVES_MONEY = may("use_cash_desk", "refund_transactions", "manage_holds")
DECIDES = may("decide_approvals")
LOOKS_AFTER_PEOPLE = may("change_user")
GIVES_GROUPS = f"{may('give_groups')} OR {DECIDES}"


@dataclass(frozen=True, slots=True)
class Policy:
    """The SQL conditions of a table: which rows a reader may read, insert, change or delete.

    `changes` is the condition for changing or deleting a row (default: `writes`). `becomes` is the
    condition for the changed row (default: `changes`). `locks` is the condition for locking a row
    without changing it.
    """

    reads: str
    writes: str
    changes: str = ""
    becomes: str = ""
    locks: str = NOBODY

    def sql(self, table: str) -> list[str]:
        """Returns the SQL statements that create the policies of this table."""
        changes = self.changes or self.writes
        using = f"USING ({changes} OR {self.locks}) WITH CHECK ({self.becomes or changes})"
        return [
            f"CREATE POLICY reads ON {table} FOR SELECT USING ({self.reads})",
            f"CREATE POLICY inserts ON {table} FOR INSERT WITH CHECK ({self.writes})",
            f"CREATE POLICY changes ON {table} FOR UPDATE {using}",
            f"CREATE POLICY deletes ON {table} FOR DELETE USING ({changes})",
        ]


def of_person(column: str) -> Policy:
    """Returns a policy for rows that belong to a person. The person may read and write these rows,
    and staff may read them. `column` contains the id of the person.
    """
    is_own = f"{column} = {PERSON}"
    return Policy(reads=f"{READS_BANK} OR {is_own}", writes=is_own)


def part_of(table: str, column: str) -> Policy:
    """Returns a policy for rows that belong to a row of another table, `table`. A reader may read
    and write these rows if the reader may read the row of `table`. `column` contains the id of that
    row.
    """
    condition = f"EXISTS (SELECT FROM {table} WHERE {table}.id = {column})"
    return Policy(reads=condition, writes=condition)


def by_staff(right: str, name: str, request: str) -> str:
    """Returns the SQL condition for actions of staff. A staff member with the right `right` may act
    in their own name. A staff member who may decide about approval requests may also act in another
    name, if the request is approved. `name` is the column with the person in whose name the row is
    written. `request` is the column with the id of the transaction in the approval request.
    """
    own_name = f"{name} = {PERSON} AND {right}"
    return f"{own_name} OR {DECIDES} AND row_security.is_approved({request})"


# A policy for private rows, which staff may not read either.
OF_OWNER = Policy(reads=f"{IS_OWN} OR {AUDITS}", writes=IS_OWN)
# A policy for rows that only the triggers of the table owner and the worker's jobs write. Each
# person can read the rows of their accounts.
OF_ACCOUNT = Policy(reads=f"{READS_BANK} OR {IS_OWN_ACCOUNT}", writes=NOBODY)
