"""Which rows a reader may read and write: what the policies of tables are made of.

Note [Policies]: what a policy asks of the reader is a subquery that names no column, so Postgres
runs its function once per statement; per row it only compares. The two accounts of a payment are
compared as an array, because `from_account_id = ANY (...) OR to_account_id = ANY (...)` would
invite the planner to read by that condition instead of by the page's (docs/rights.md).
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
NAMES = ("reads", "inserts", "changes", "deletes", WORKS)  # of the policies of each table

IS_OWN = f"owner_id = {PERSON}"
IS_OWN_ACCOUNT = f"account_id = ANY ({ACCOUNTS})"
PAYS_FROM_OWN = f"from_account_id = ANY ({ACCOUNTS})"


def may(*codenames: str) -> str:
    """The condition that the reader is staff with one of these permissions; without any, that they
    are a superuser.
    """
    return f"(SELECT row_security.may('{{{','.join(codenames)}}}'))"


MOVES_MONEY = may("use_cash_desk", "refund_transactions", "manage_holds")
DECIDES = may("decide_approvals")
LOOKS_AFTER_PEOPLE = may("change_user")
GIVES_GROUPS = f"{may('give_groups')} OR {DECIDES}"


@dataclass(frozen=True, slots=True)
class Policy:
    """Conditions in SQL on a row: who may read it, and who may insert, change or delete it.

    `changes`: who may change or delete it, if others than may insert it, and `becomes` what it must
    be after a change.
    `locks`: who may also lock it without changing it.
    """

    reads: str
    writes: str
    changes: str = ""
    becomes: str = ""
    locks: str = NOBODY

    def sql(self, table: str) -> list[str]:
        """The statements that make the policies of this table."""
        changes = self.changes or self.writes
        using = f"USING ({changes} OR {self.locks}) WITH CHECK ({self.becomes or changes})"
        return [
            f"CREATE POLICY reads ON {table} FOR SELECT USING ({self.reads})",
            f"CREATE POLICY inserts ON {table} FOR INSERT WITH CHECK ({self.writes})",
            f"CREATE POLICY changes ON {table} FOR UPDATE {using}",
            f"CREATE POLICY deletes ON {table} FOR DELETE USING ({changes})",
        ]


def of_person(column: str) -> Policy:
    """Rows of the person themselves, which staff may read."""
    is_own = f"{column} = {PERSON}"
    return Policy(reads=f"{READS_BANK} OR {is_own}", writes=is_own)


def part_of(table: str, column: str) -> Policy:
    """Rows that belong to a row of another table, which has a policy of its own."""
    condition = f"EXISTS (SELECT FROM {table} WHERE {table}.id = {column})"
    return Policy(reads=condition, writes=condition)


def by_staff(right: str, name: str, request: str) -> str:
    """The condition that staff with the right do it in their own name, or do what was approved in
    the name of who asked.
    """
    own_name = f"{name} = {PERSON} AND {right}"
    return f"{own_name} OR {DECIDES} AND row_security.is_approved({request})"


# Not for staff either: what people keep for themselves.
OF_OWNER = Policy(reads=f"{IS_OWN} OR {AUDITS}", writes=IS_OWN)
# The owner's triggers and the worker's jobs write it; each person reads what is of their accounts.
OF_ACCOUNT = Policy(reads=f"{READS_BANK} OR {IS_OWN_ACCOUNT}", writes=NOBODY)
