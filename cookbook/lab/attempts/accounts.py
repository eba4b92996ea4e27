"""Attempts to break the rules of accounts, currencies and changes of an account's status."""

from dataclasses import replace

from cookbook.lab.attempts.attempt import FOREIGN_KEY, NOT_NULL, UNIQUE, Attempt, ValidRow, stay
from cookbook.lab.attempts.transactions import HOLD, WITHDRAWAL

ACCOUNT = ValidRow(
    "accounts",
    "an account",
    {
        "id": "gen_random_uuid()",
        "user_id": "person.id",
        "number": "'48210937551'",
        "name": "'Hidden'",
        "currency": "'USD'",
        "minor_units": "NULL",
        "status": "'active'",
        "balance": "0",
        "held": "0",
        "overdraft_limit": "0",
        "transfer_limit": "NULL",
        "daily_limit": "NULL",
        "last_entry_at": "NULL",
        "created_at": "clock_timestamp()",
        "closed_at": "NULL",
    },
    ("person",),
    nullable=frozenset(
        {"minor_units", "transfer_limit", "daily_limit", "last_entry_at", "closed_at"}
    ),
)
CURRENCY = ValidRow(
    "currencies",
    "a currency",
    {"code": "'XTS'", "name": "'Testing code'", "minor_units": "2", "is_open": "true"},
)
CHANGE = ValidRow(
    "account_status_changes",
    "a change of status",
    {
        "id": "gen_random_uuid()",
        "account_id": "ana.id",
        "from_status": "'active'",
        "to_status": "'frozen'",
        "reason": "'Reported stolen.'",
        "message": "''",
        "changed_by_id": "NULL",
        "created_at": "clock_timestamp()",
    },
    ("ana",),
    nullable=frozenset({"changed_by_id"}),
)
ROWS = (ACCOUNT, CHANGE, CURRENCY)

_OF_ANA = """FROM users
WHERE users.id = user_id AND email = 'ana@example.com' AND accounts.name = 'Everyday'"""


def _update(rule: str, title: str, change: str, where: str = _OF_ANA) -> Attempt:
    return Attempt("accounts", rule, title, f"UPDATE accounts SET {change}\n{where}")  # noqa: S608


def _by_rows(rule: str, title: str, row: ValidRow, **changed: str) -> Attempt:
    """Returns an attempt to insert a transaction that breaks a rule of its account."""
    return Attempt("accounts", rule, title, row.but(**changed).insert)


ATTEMPTS: list[Attempt] = [
    _update(
        "balance_follows_rows", "Add 100 to a balance without a payment", "balance = balance + 100"
    ),
    _by_rows(
        "balance_non_negative",
        "Set a balance below zero without an overdraft",
        WITHDRAWAL,
        amount="1000000",
        from_balance="ana.balance - 1000000",
    ),
    _by_rows(
        "available_non_negative",
        "Hold more than is available",
        HOLD,
        amount="1000000",
    ),
    _update(
        "held_non_negative",
        "Set a negative held amount",
        "held = -100",
    ).checked_after(
        "balance_follows_rows",
        "Only triggers change the held amount: a new hold adds its amount, and its end subtracts "
        "the same amount.",
    ),
    _update("account_amounts_finite", "Set an overdraft limit of NaN", "overdraft_limit = 'NaN'"),
    _update(
        "overdraft_limit_non_negative",
        "Set a negative overdraft limit",
        "overdraft_limit = -1",
    ),
    _update(
        "limits_positive",
        "Set a negative payment limit",
        "transfer_limit = -1",
    ),
    _update("account_choices_valid", "Set an unknown account status", "status = 'vip'"),
    _update("account_times_finite", "Set an infinite closing time", "closed_at = 'infinity'"),
    _update("status_has_a_change", "Freeze an account without a reason", "status = 'frozen'"),
    Attempt(
        "accounts",
        "closed_account_is_empty",
        "Close an account that still has money",
        CHANGE.but(to_status="'closed'").insert,
    ),
    _update(
        "closed_account_stays_closed",
        "Reopen a closed account under another name",
        "status = 'active', name = 'Mine now'",
        "WHERE status = 'closed'",
    ),
    ACCOUNT.attempt("account_opens_empty", "Open an account with money in it", balance="1000000"),
    ACCOUNT.attempt(
        "account_currency_valid", "Open an account in an unknown currency", currency="'XXX'"
    ),
    Attempt(
        "accounts",
        "account_currency_exists",
        "Delete a currency that accounts use",
        "DELETE FROM currencies WHERE code = 'USD'",
        FOREIGN_KEY,
    ),
    replace(
        _update("minor_units", "Set the minor units of an account to NULL", "minor_units = NULL"),
        state=NOT_NULL,
    ),
    ACCOUNT.but("ana").attempt(
        "accounts_number_key",
        "Open an account with a number that is taken",
        UNIQUE,
        number="ana.number",
    ),
    ACCOUNT.but("ana").attempt(
        "accounts_pkey",
        "Open an account with an id that is taken",
        UNIQUE,
        id="ana.id",
        currency="'EUR'",
    ),
    ACCOUNT.but("ana")
    .attempt(
        "account_id_currency_unique",
        "Open an account with an id and currency that are taken",
        UNIQUE,
        id="ana.id",
    )
    .checked_after(
        "accounts_pkey",
        "accounts_pkey refuses a second row with the same id in any currency. This constraint "
        "exists for the foreign keys of transactions, which refer to both columns.",
        UNIQUE,
    ),
    ACCOUNT.attempt(
        "accounts_user_id_7f1e1f1e_fk_users_id",
        "Open an account for an unknown user",
        FOREIGN_KEY,
        user_id="gen_random_uuid()",
    ),
    *ACCOUNT.left_out(),
    CURRENCY.attempt("currency_code_valid", "Insert a currency in small letters", code="'xts'"),
    CURRENCY.attempt("currency_name_given", "Insert a currency without a name", name="''"),
    CURRENCY.attempt(
        "currency_minor_units_valid", "Insert a currency with 5 decimals", minor_units="5"
    ),
    CURRENCY.attempt(
        "currencies_pkey", "Insert a currency with a code that is taken", UNIQUE, code="'USD'"
    ),
    CURRENCY.attempt(
        "currency_minor_units_unique",
        "Insert a currency with a code and minor units that are taken",
        UNIQUE,
        code="'USD'",
    ).checked_after(
        "currencies_pkey",
        "currencies_pkey refuses a second row with the same code. This constraint exists for the "
        "foreign key of accounts, which refers to both columns.",
        UNIQUE,
    ),
    *CURRENCY.left_out(),
    CHANGE.attempt(
        "status_change_continues",
        "Log a change that starts from another status than the account's",
        from_status="'frozen'",
        to_status="'active'",
    ),
    CHANGE.attempt(
        "account_status_changes_account_id_97bdf56b_fk_accounts_id",
        "Log a freeze of an unknown account",
        FOREIGN_KEY,
        account_id="gen_random_uuid()",
    ),
    CHANGE.attempt(
        "account_status_changes_changed_by_id_327239e7_fk_users_id",
        "Log a freeze by an unknown user",
        FOREIGN_KEY,
        changed_by_id="gen_random_uuid()",
    ),
    CHANGE.attempt(
        "account_status_changes_pkey",
        "Log a second freeze with the same id",
        UNIQUE,
        id="(SELECT id FROM account_status_changes LIMIT 1)",
    ),
    *stay(
        "status_change_stays",
        "status_changes_stay",
        "account_status_changes",
        "UPDATE account_status_changes SET reason = 'At the wish of its owner.'",
    ),
    *CHANGE.left_out(),
]
