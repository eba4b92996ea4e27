"""Attempts on accounts: balances, limits, states, owners; and on who froze them and why."""

from cookbook.lab.attempts.attempt import FOREIGN_KEY, UNIQUE, Attempt, ValidRow, stay
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
    nullable=frozenset({"transfer_limit", "daily_limit", "last_entry_at", "closed_at"}),
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
ROWS = (ACCOUNT, CHANGE)

_OF_ANA = """FROM users
WHERE users.id = user_id AND email = 'ana@example.com' AND accounts.name = 'Everyday'"""


def _update(rule: str, wants: str, change: str, where: str = _OF_ANA) -> Attempt:
    return Attempt("accounts", rule, wants, f"UPDATE accounts SET {change}\n{where}")  # noqa: S608


def _by_rows(rule: str, wants: str, row: ValidRow, **changed: str) -> Attempt:
    """A refusal by the accounts of what a row of transactions would make of them."""
    return Attempt("accounts", rule, wants, row.but(**changed).insert)


ATTEMPTS: list[Attempt] = [
    _update("balance_follows_rows", "Take 100 out of thin air", "balance = balance + 100"),
    _by_rows(
        "balance_non_negative",
        "Spend a million that is not there",
        WITHDRAWAL,
        amount="1000000",
        from_balance="ana.balance - 1000000",
    ),
    _by_rows(
        "available_non_negative",
        "Reserve a million that is not there",
        HOLD,
        amount="1000000",
    ),
    _update(
        "held_non_negative",
        "Let less than nothing be held, and spend the difference",
        "held = -100",
    ).stands_behind(
        "balance_follows_rows",
        "Nobody writes what is held: it follows the holds, and each gives back what it took.",
    ),
    _update("account_amounts_finite", "Have credit beyond all numbers", "overdraft_limit = 'NaN'"),
    _update(
        "overdraft_limit_non_negative",
        "Set an overdraft of less than nothing",
        "overdraft_limit = -1",
    ),
    _update(
        "limits_positive",
        "Set a limit that no payment could be held against",
        "transfer_limit = -1",
    ),
    _update("account_status_valid", "Be a special customer", "status = 'vip'"),
    _update(
        "account_times_finite", "Close an account at the end of time", "closed_at = 'infinity'"
    ),
    _update(
        "closed_account_is_empty",
        "Close an account with the money in it",
        "status = 'closed', closed_at = clock_timestamp()",
    ),
    _update(
        "closed_account_stays_closed",
        "Open a closed account again, in somebody else's name",
        "status = 'active', name = 'Mine now'",
        "WHERE status = 'closed'",
    ),
    ACCOUNT.attempt(
        "account_opens_empty", "Open an account that is rich from the start", balance="1000000"
    ),
    ACCOUNT.attempt(
        "account_currency_valid", "Keep money that no country issues", currency="'XXX'"
    ),
    ACCOUNT.but("ana").attempt(
        "accounts_number_key", "Answer to Ana's account number", UNIQUE, number="ana.number"
    ),
    ACCOUNT.but("ana").attempt(
        "accounts_pkey", "Be Ana's account a second time", UNIQUE, id="ana.id", currency="'EUR'"
    ),
    ACCOUNT.but("ana")
    .attempt(
        "account_id_currency_unique",
        "Be Ana's account a second time, in the same currency",
        UNIQUE,
        id="ana.id",
    )
    .stands_behind(
        "accounts_pkey",
        "An id twice is refused whatever the currency. This one is there for the foreign keys "
        "of transactions, which need both columns.",
        UNIQUE,
    ),
    ACCOUNT.attempt(
        "accounts_user_id_7f1e1f1e_fk_users_id",
        "Keep an account that nobody owns",
        FOREIGN_KEY,
        user_id="gen_random_uuid()",
    ),
    *ACCOUNT.left_out(),
    CHANGE.attempt(
        "account_status_changes_account_id_97bdf56b_fk_accounts_id",
        "Freeze an account that does not exist",
        FOREIGN_KEY,
        account_id="gen_random_uuid()",
    ),
    CHANGE.attempt(
        "account_status_changes_changed_by_id_327239e7_fk_users_id",
        "Freeze an account as nobody",
        FOREIGN_KEY,
        changed_by_id="gen_random_uuid()",
    ),
    CHANGE.attempt(
        "account_status_changes_pkey",
        "Write over who froze an account",
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
