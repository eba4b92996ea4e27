"""Which rows a reader may read and write, table by table.

Every table is in POLICIES or in OPEN; a test asks the database. Note [Policies]: what a policy asks
of the reader is a subquery that names no column, so Postgres runs its function once per statement;
per row it only compares. The two accounts of a payment are compared as an array, because
`from_account_id = ANY (...) OR to_account_id = ANY (...)` would invite the planner to read by that
condition instead of by the page's (docs/rights.md).
"""

from dataclasses import dataclass

READS_BANK = "(SELECT row_security.reads_bank())"
WRITES_BANK = "(SELECT row_security.writes_bank())"
READS_DIRECTORY = "(SELECT row_security.reads_directory())"
LOCKS_ACCOUNTS = "(SELECT row_security.locks_accounts())"
SIGNS_IN = "(SELECT row_security.signs_in())"
READS_PEOPLE = "(SELECT row_security.reads_people())"
PERSON = "(SELECT row_security.person())"
ACCOUNTS = "(SELECT row_security.accounts())::uuid[]"
NOBODY = "false"


@dataclass(frozen=True, slots=True)
class Policy:
    """Conditions in SQL on a row: who may read it, and who may insert, change or delete it.

    `locks`: who may also lock it without changing it.
    """

    reads: str
    writes: str
    locks: str = NOBODY

    def sql(self, table: str) -> list[str]:
        """The statements that make the policies of this table."""
        reads, writes, locked = self.reads, self.writes, f"{self.writes} OR {self.locks}"
        return [
            f"CREATE POLICY reads ON {table} FOR SELECT USING ({reads})",
            f"CREATE POLICY inserts ON {table} FOR INSERT WITH CHECK ({writes})",
            f"CREATE POLICY changes ON {table} FOR UPDATE USING ({locked}) WITH CHECK ({writes})",
            f"CREATE POLICY deletes ON {table} FOR DELETE USING ({writes})",
        ]


NAMES = ("reads", "inserts", "changes", "deletes")  # of the policies of each table

IS_OWN_SIDE = f"ARRAY[from_account_id, to_account_id] && {ACCOUNTS}"
# Its own policy leaves only the counterparties of the reader's accounts.
IS_COUNTERPARTY = """EXISTS (
    SELECT FROM row_security.counterparties AS known
    WHERE known.other_id = accounts.id
)"""


IS_OWN_ACCOUNT = f"account_id = ANY ({ACCOUNTS})"


def _of_account(column: str) -> Policy:
    """Rows of one's own account."""
    is_own = f"{column} = ANY ({ACCOUNTS})"
    return Policy(reads=f"{READS_BANK} OR {is_own}", writes=f"{WRITES_BANK} OR {is_own}")


def _of_person(column: str) -> Policy:
    """Rows of the person themselves, which staff may read."""
    is_own = f"{column} = {PERSON}"
    return Policy(reads=f"{READS_BANK} OR {is_own}", writes=is_own)


def _of_sign_in(column: str) -> Policy:
    """Rows by which a person signs in: their own, or whose sign-in must be found."""
    condition = f"{column} = {PERSON} OR {SIGNS_IN}"
    return Policy(reads=condition, writes=condition)


def _of_right(column: str) -> Policy:
    """Rights of a person, which they read, and never give themselves."""
    return Policy(reads=f"{column} = {PERSON} OR {READS_PEOPLE}", writes=SIGNS_IN)


def _part_of(table: str, column: str) -> Policy:
    """Rows that belong to a row of another table, which has a policy of its own."""
    condition = f"EXISTS (SELECT FROM {table} WHERE {table}.id = {column})"
    return Policy(reads=condition, writes=condition)


POLICIES = {
    # Also whose account one may read; `masks` leaves the name alone of them.
    "users": Policy(
        reads=f"id = {PERSON} OR {READS_PEOPLE} OR {READS_DIRECTORY} OR EXISTS "
        "(SELECT FROM accounts WHERE accounts.user_id = users.id)",
        writes=f"id = {PERSON} OR {SIGNS_IN}",
    ),
    "users_groups": _of_right("user_id"),
    "users_user_permissions": _of_right("user_id"),
    "account_emailaddress": _of_sign_in("user_id"),
    "account_emailconfirmation": _part_of("account_emailaddress", "email_address_id"),
    "mfa_authenticator": _of_sign_in("user_id"),
    "socialaccount_socialaccount": _of_sign_in("user_id"),
    "socialaccount_socialtoken": _part_of("socialaccount_socialaccount", "account_id"),
    "sessions": _of_sign_in("user_id"),
    "sign_ins": _of_sign_in("user_id"),
    "accounts": Policy(
        reads=f"user_id = {PERSON} OR {READS_DIRECTORY} OR {IS_COUNTERPARTY}",
        writes=f"{WRITES_BANK} OR user_id = {PERSON}",
        locks=LOCKS_ACCOUNTS,
    ),
    "transactions": Policy(
        reads=f"{READS_BANK} OR {IS_OWN_SIDE}",
        # Nobody but staff sends from another's account, or pays in from outside.
        writes=f"{WRITES_BANK} OR from_account_id = ANY ({ACCOUNTS})",
    ),
    "account_status_changes": Policy(
        reads=f"{READS_BANK} OR {IS_OWN_ACCOUNT}",
        # A row sets the status: nobody but staff freezes, and unfreezes what staff have frozen.
        writes=f"{WRITES_BANK} OR (to_status = 'closed' AND {IS_OWN_ACCOUNT})",
    ),
    # A row sets the limits: managers write it, each person reads their own.
    "limit_changes": Policy(reads=f"{READS_BANK} OR {IS_OWN_ACCOUNT}", writes=WRITES_BANK),
    "approval_requests": Policy(reads=READS_BANK, writes=WRITES_BANK),
    "transaction_notes": Policy(
        reads=f"{READS_BANK} OR EXISTS (SELECT FROM transactions WHERE id = transaction_id)",
        writes=WRITES_BANK,
    ),
    # Not for staff either: a person's own notes.
    "annotations": Policy(reads=f"owner_id = {PERSON}", writes=f"owner_id = {PERSON}"),
    "payment_files": _of_account("from_account_id"),
    "payment_lines": Policy(
        reads="EXISTS (SELECT FROM payment_files WHERE id = file_id)",
        writes="EXISTS (SELECT FROM payment_files WHERE id = file_id)",
    ),
    "payment_names_asked": _of_person("user_id"),
    "audit_runs": Policy(reads=READS_BANK, writes=READS_BANK),  # their findings name accounts
    "django_admin_log": _of_person("user_id"),
    "changes": Policy(reads=READS_BANK, writes=NOBODY),  # the owner's triggers insert
    "reads": Policy(reads=READS_BANK, writes=f"reader_id = {PERSON}"),
}

# Their triggers of INSERT read accounts with the rights of the owner.
CHECKED_FIRST = ("account_status_changes", "limit_changes")
VIEWS = ("entries",)  # they read their tables with the rights and policies of the reader

# Every table without a policy, and why: each reader reads it, and writes what the rights of roles
# leave to the web role.
OPEN = {
    "seals": "digests of days, of nobody's account; the web role only reads them",
    "sealed_days": "digests of days, of nobody's account; the web role only reads them",
    "currencies": "what the bank offers",
    "households": "names without people: who lives there is in users",
    "staff_sums": "what clerks did alone in a day, as parts of the threshold; names clerks by id",
    "approval_thresholds": "settings of the bank; the web role only reads them",
    "attempt_counts": "limits on attempts, under digests of addresses",
    "cache": "values that pages share, signed, under the names of their keys",
    "provider_groups": "settings of the bank; the web role only reads them",
    "auth_group": "what a group may do; the web role only reads it",
    "auth_group_permissions": "what a group may do; the web role only reads it",
    "auth_permission": "what a group may do; the web role only reads it",
    "django_content_type": "names of models; the web role only reads it",
    "django_migrations": "names of migrations; the web role only reads it",
    "django_session": "empty: sessions are in the table sessions",
    "socialaccount_socialapp": "empty: providers are in the settings",
    "row_register": "ids, times and digests of rows, also of others; the web role only reads them",
    "row_revisions": "what became of rows, also of others; the web role only reads it",
    "row_removals": "ids of rows that were removed; the web role only reads them",
    "fact_keys": "keys of signed facts; the web role has no right to it",
}
