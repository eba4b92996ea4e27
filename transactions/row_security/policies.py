"""Which rows a reader may read and write, table by table.

Every table is in POLICIES or in OPEN; a test asks the database. Note [Policies]: what a policy asks
of the reader is a subquery that names no column, so Postgres runs its function once per statement;
per row it only compares. The two accounts of a payment are compared as an array, because
`from_account_id = ANY (...) OR to_account_id = ANY (...)` would invite the planner to read by that
condition instead of by the page's (docs/rights.md).
"""

from dataclasses import dataclass, replace

from accounts.models.approval_triggers import PERMISSIONS_TO_ASK
from ledger.db.row_security import WORKS

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


def may(*codenames: str) -> str:
    """The condition that the reader is staff with one of these permissions; without any, that they
    are a superuser.
    """
    return f"(SELECT row_security.may('{{{','.join(codenames)}}}'))"


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


NAMES = ("reads", "inserts", "changes", "deletes", WORKS)  # of the policies of each table

IS_OWN_SIDE = f"ARRAY[from_account_id, to_account_id] && {ACCOUNTS}"
# Its own policy leaves only the counterparties of the reader's accounts.
IS_COUNTERPARTY = """EXISTS (
    SELECT FROM row_security.counterparties AS known
    WHERE known.other_id = accounts.id
)"""


# Reports of the whole bank stand in the cache under keys of their own.
NO_REPORT = f"cache_key NOT LIKE '%:report:%' OR {READS_BANK}"
IS_OWN_GROUP = f"group_id IN (SELECT group_id FROM users_groups WHERE user_id = {PERSON})"  # noqa: S608 - constants
IS_OWN_ACCOUNT = f"account_id = ANY ({ACCOUNTS})"
PAYS_FROM_OWN = f"from_account_id = ANY ({ACCOUNTS})"
ORDERS = f"owner_id = {PERSON} AND {PAYS_FROM_OWN}"
ENDS_ORDERS = may("end_standing_orders")
MOVES_MONEY = may("use_cash_desk", "refund_transactions", "manage_holds")
PAYS_FILES = may("use_cash_desk")
# Note [Rights that show numbers]
READS_RUNS = f"{may('view_queryrun')} AND {may('view_contact_details')}"
RECONCILES = may("reconcile")
DECIDES = may("decide_approvals")
LOOKS_AFTER_PEOPLE = may("change_user")
GIVES_GROUPS = f"{may('give_groups')} OR {DECIDES}"
ASKS = may(*sorted({name.partition(".")[2] for name in PERMISSIONS_TO_ASK.values()}))


def _by_staff(right: str, name: str, request: str) -> str:
    """Who does it in their own name, or does what was approved in the name of who asked."""
    own_name = f"{name} = {PERSON} AND {right}"
    return f"{own_name} OR {DECIDES} AND row_security.is_approved({request})"


def _of_person(column: str) -> Policy:
    """Rows of the person themselves, which staff may read."""
    is_own = f"{column} = {PERSON}"
    return Policy(reads=f"{READS_BANK} OR {is_own}", writes=is_own)


def _of_right(column: str, writes: str) -> Policy:
    """Rights of a person, which they read, and never give themselves."""
    return Policy(reads=f"{column} = {PERSON} OR {READS_PEOPLE}", writes=writes)


def _part_of(table: str, column: str) -> Policy:
    """Rows that belong to a row of another table, which has a policy of its own."""
    condition = f"EXISTS (SELECT FROM {table} WHERE {table}.id = {column})"
    return Policy(reads=condition, writes=condition)


def _of_outside_account() -> Policy:
    """Rows of an outside account, which has an owner."""
    own = (
        "EXISTS (SELECT FROM outside_accounts AS it"
        f" WHERE it.id = account_id AND it.owner_id = {PERSON})"
    )
    return Policy(reads=f"{own} OR {AUDITS}", writes=own)


# Rows by which a person signs in: their own, or whose sign-in must be found.
WHO_SIGNS_IN = f"user_id = {PERSON} OR {SIGNS_IN} OR {LOOKS_AFTER_PEOPLE}"
SIGN_INS = Policy(reads=f"{WHO_SIGNS_IN} OR {AUDITS}", writes=WHO_SIGNS_IN, changes=WHO_SIGNS_IN)
POLICIES = {
    # Also whose account one may read; `masks` leaves the name alone of them.
    "users": Policy(
        reads=f"id = {PERSON} OR {READS_PEOPLE} OR {READS_DIRECTORY} OR EXISTS "
        "(SELECT FROM accounts WHERE accounts.user_id = users.id)",
        # Nobody is staff from the beginning.
        writes=f"id = {PERSON} OR ({SIGNS_IN} OR {may('add_user')})"
        " AND NOT is_staff AND NOT is_superuser AND household_id IS NULL",
        # Who approves a group makes its new member staff.
        changes=f"id = {PERSON} OR {SIGNS_IN} OR {LOOKS_AFTER_PEOPLE} OR {DECIDES}",
        locks=may("add_account"),  # whoever opens one for somebody locks them first
    ),
    # At a sign-in, the groups that the identity provider decides come and go.
    "users_groups": _of_right(
        "user_id", f"{GIVES_GROUPS} OR {SIGNS_IN} AND row_security.is_of_provider(group_id)"
    ),
    "users_user_permissions": _of_right("user_id", NOBODY),
    "households": Policy(reads=IS_STAFF, writes=may("add_household", "change_household")),
    "account_emailaddress": SIGN_INS,
    "account_emailconfirmation": _part_of("account_emailaddress", "email_address_id"),
    "mfa_authenticator": SIGN_INS,
    # Who gives a group looks whether the provider decides it.
    "socialaccount_socialaccount": replace(SIGN_INS, reads=f"{SIGN_INS.reads} OR {GIVES_GROUPS}"),
    "socialaccount_socialtoken": _part_of("socialaccount_socialaccount", "account_id"),
    # Nobody gets one but who is signed in; a new password by mail ends those there are.
    "api_tokens": replace(SIGN_INS, writes=f"user_id = {PERSON}"),
    # Signing out begins a session of nobody, and leaves a row that says why the old one ended.
    "sessions": replace(
        SIGN_INS, writes=f"{WHO_SIGNS_IN} OR user_id IS NULL AND {PERSON} IS NOT NULL"
    ),
    "sign_ins": SIGN_INS,
    "accounts": Policy(
        reads=f"user_id = {PERSON} OR {READS_DIRECTORY} OR {IS_COUNTERPARTY}",
        writes=f"user_id = {PERSON} OR {may('add_account')}",
        changes=f"user_id = {PERSON} OR {may('change_account')}",
        locks=LOCKS_ACCOUNTS,
    ),
    "transactions": Policy(
        reads=f"{READS_BANK} OR {IS_OWN_SIDE}",
        # Nobody but staff sends from another's account, pays in from outside, or holds money. A
        # completed row needs the right balances, so nobody writes one only to see the other side.
        writes=f"{PAYS_FROM_OWN} AND status = 'completed'"
        f" OR {_by_staff(MOVES_MONEY, 'created_by_id', 'id')}",
        changes=f"{may('manage_holds')} OR {DECIDES}",
        locks=LOCKS_ACCOUNTS,
    ),
    "account_status_changes": Policy(
        reads=f"{READS_BANK} OR {IS_OWN_ACCOUNT}",
        # A row sets the status: nobody but staff freezes, and unfreezes what staff have frozen.
        writes=f"to_status = 'closed' AND {IS_OWN_ACCOUNT}"
        f" OR changed_by_id = {PERSON} AND {may('change_status')}",
    ),
    # A row sets the limits: managers write it, each person reads their own.
    "limit_changes": Policy(
        reads=f"{READS_BANK} OR {IS_OWN_ACCOUNT}",
        writes=_by_staff(may("change_limits"), "changed_by_id", "id"),
    ),
    # Nobody asks in the name of a colleague, or decides in the name of a manager.
    "approval_requests": Policy(
        reads=READS_BANK,
        writes=f"requested_by_id = {PERSON} AND {ASKS}",
        changes=f"requested_by_id = {PERSON} OR {DECIDES}",
        becomes=f"requested_by_id = {PERSON} AND status = 'withdrawn'"
        f" OR decided_by_id = {PERSON} AND {DECIDES}",
    ),
    # The owner's triggers write it.
    "approval_payments": Policy(reads=READS_BANK, writes=NOBODY),
    "staff_sums": Policy(reads=IS_STAFF, writes=NOBODY),  # the owner's triggers write
    "transaction_notes": Policy(
        reads=f"{READS_BANK} OR EXISTS (SELECT FROM transactions WHERE id = transaction_id)",
        writes=_by_staff(MOVES_MONEY, "written_by_id", "transaction_id"),
    ),
    # Not for staff either: a person's own notes.
    "annotations": Policy(reads=f"owner_id = {PERSON} OR {AUDITS}", writes=f"owner_id = {PERSON}"),
    # Nor what somebody attaches to a payment.
    "attachments": Policy(reads=f"owner_id = {PERSON} OR {AUDITS}", writes=f"owner_id = {PERSON}"),
    "payment_files": Policy(
        reads=f"{READS_BANK} OR {PAYS_FROM_OWN}", writes=f"{PAYS_FROM_OWN} OR {PAYS_FILES}"
    ),
    "payment_lines": Policy(
        reads="EXISTS (SELECT FROM payment_files WHERE id = file_id)",
        writes="EXISTS (SELECT FROM payment_files WHERE id = file_id"
        f" AND ({PAYS_FROM_OWN} OR {PAYS_FILES}))",
    ),
    "payment_names_asked": _of_person("user_id"),
    # Not for staff either: what somebody calls those whom they pay.
    "payees": Policy(reads=f"owner_id = {PERSON} OR {AUDITS}", writes=f"owner_id = {PERSON}"),
    # Nor the budgets, rules and categories that somebody gives to their payments.
    "budgets": Policy(reads=f"owner_id = {PERSON} OR {AUDITS}", writes=f"owner_id = {PERSON}"),
    "category_rules": Policy(
        reads=f"owner_id = {PERSON} OR {AUDITS}", writes=f"owner_id = {PERSON}"
    ),
    "own_categories": Policy(
        reads=f"owner_id = {PERSON} OR {AUDITS}", writes=f"owner_id = {PERSON}"
    ),
    # Staff read them to help, and end them; nobody orders from another's account.
    "standing_orders": Policy(
        reads=f"{READS_BANK} OR owner_id = {PERSON}",
        writes=ORDERS,
        changes=f"{ORDERS} OR {ENDS_ORDERS}",
        becomes=f"{ORDERS} OR {ENDS_ORDERS} AND status = 'ended'",
    ),
    "standing_order_days": Policy(
        reads="EXISTS (SELECT FROM standing_orders AS it WHERE it.id = order_id)",
        writes="EXISTS (SELECT FROM standing_orders AS it"
        f" WHERE it.id = order_id AND it.owner_id = {PERSON})",
    ),
    # Not for staff either. Triggers and a job of the owner write alerts; a person marks them read.
    "alert_choices": Policy(
        reads=f"owner_id = {PERSON} OR {AUDITS}",
        writes=f"owner_id = {PERSON} AND (account_id IS NULL OR {IS_OWN_ACCOUNT})",
        changes=f"owner_id = {PERSON}",
        becomes=f"owner_id = {PERSON} AND (account_id IS NULL OR {IS_OWN_ACCOUNT})",
    ),
    "alerts": Policy(
        reads=f"owner_id = {PERSON} OR {AUDITS}", writes=NOBODY, changes=f"owner_id = {PERSON}"
    ),
    "alert_times": Policy(reads=f"owner_id = {PERSON} OR {AUDITS}", writes=f"owner_id = {PERSON}"),
    "monthly_statements": Policy(reads=f"{READS_BANK} OR {IS_OWN_ACCOUNT}", writes=NOBODY),
    # Not for staff either: what somebody has at other banks.
    "outside_accounts": Policy(
        reads=f"owner_id = {PERSON} OR {AUDITS}", writes=f"owner_id = {PERSON}"
    ),
    "outside_imports": _of_outside_account(),
    "outside_entries": _of_outside_account(),
    "outside_file_parts": _part_of("outside_imports", "source_id"),
    # Nobody uploads, matches or signs in the name of a colleague.
    "reconciliations": Policy(
        reads=READS_BANK,
        writes=f"{RECONCILES} AND created_by_id = {PERSON}",
        changes=RECONCILES,
        becomes=f"{RECONCILES} AND (signed_by_id IS NULL OR countersigned_by_id = {PERSON}"
        f" OR countersigned_by_id IS NULL AND signed_by_id = {PERSON})",
    ),
    "reconciliation_lines": Policy(reads=READS_BANK, writes=RECONCILES),
    "reconciliation_matches": Policy(
        reads=READS_BANK,
        writes=f"{RECONCILES} AND created_by_id = {PERSON}",
        changes=RECONCILES,
    ),
    # One's own, and what colleagues share with a group; nobody shares with a group of others.
    "saved_reports": Policy(
        reads=f"owner_id = {PERSON} OR {IS_OWN_GROUP} OR {AUDITS}",
        writes=f"owner_id = {PERSON} AND (group_id IS NULL OR {IS_OWN_GROUP})",
        changes=f"owner_id = {PERSON}",
        becomes=f"owner_id = {PERSON} AND (group_id IS NULL OR {IS_OWN_GROUP})",
    ),
    # Their findings name accounts.
    # The owner's triggers write events; workers, as the owner, deliver them.
    "events": Policy(
        reads=f"{READS_BANK} OR ARRAY[account_id, other_account_id] && {ACCOUNTS}", writes=NOBODY
    ),
    "event_streams": Policy(reads=f"{READS_BANK} OR {IS_OWN_ACCOUNT}", writes=NOBODY),
    "webhooks": Policy(reads=f"owner_id = {PERSON} OR {AUDITS}", writes=f"owner_id = {PERSON}"),
    "webhook_queues": Policy(reads=f"{AUDITS} OR {IS_OWN_ACCOUNT}", writes=NOBODY),
    "webhook_deliveries": _part_of("webhooks", "webhook_id"),
    "audit_runs": Policy(reads=READS_BANK, writes=f"run_by_id = {PERSON} AND {may('run_audit')}"),
    "django_admin_log": _of_person("user_id"),
    "explorer_queries": Policy(
        reads=f"owner_id = {PERSON} OR is_shared AND {READS_BANK} OR {AUDITS}",
        writes=f"owner_id = {PERSON}",
    ),
    "explorer_runs": Policy(
        reads=f"person_id = {PERSON} OR {READS_RUNS} OR {AUDITS}",
        writes=f"person_id = {PERSON}",
    ),
    "changes": Policy(reads=READS_BANK, writes=NOBODY),  # the owner's triggers insert
    "reads": Policy(reads=READS_BANK, writes=f"reader_id = {PERSON}"),
    "row_register": Policy(reads=AUDITS, writes=NOBODY),  # the owner's triggers insert
    "row_revisions": Policy(reads=AUDITS, writes=NOBODY),
    "row_removals": Policy(reads=AUDITS, writes=NOBODY),
    "cache": Policy(reads=NO_REPORT, writes=NO_REPORT),
    "currencies": Policy(reads="true", writes=may("add_currency", "change_currency")),
}

# Their triggers of INSERT read accounts with the rights of the owner.
CHECKED_FIRST = ("account_status_changes", "limit_changes")
VIEWS = ("entries",)  # they read their tables with the rights and policies of the reader

# Every table without a policy, and why: each reader reads it, and writes what the rights of roles
# leave to the web role.
OPEN = {
    "seals": "digests of days, of nobody's account; the web role only reads them",
    "sealed_days": "digests of days, of nobody's account; the web role only reads them",
    "approval_thresholds": "settings of the bank; the web role only reads them",
    "attempt_counts": "limits on attempts, under digests of addresses",
    "provider_groups": "settings of the bank; the web role only reads them",
    "auth_group": "what a group may do; the web role only reads it",
    "auth_group_permissions": "what a group may do; the web role only reads it",
    "auth_permission": "what a group may do; the web role only reads it",
    "django_content_type": "names of models; the web role only reads it",
    "job_records": "when scheduled work was done; the web role only reads it",
    "django_migrations": "names of migrations; the web role only reads it",
    "writer_mark": "when the server that writes has started; of nobody",
    "django_session": "empty: sessions are in the table sessions",
    "socialaccount_socialapp": "empty: providers are in the settings",
    "fact_keys": "keys of signed facts; the web role has no right to it",
}
