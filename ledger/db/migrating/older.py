"""Detects banks from before the current migrations, which begin with `accounts.0001_tables`. The
command `adopt_migrations` moves such a bank to the current migrations.
"""

from collections.abc import Collection

COMMIT = "0f06292b"  # the last commit with the old migrations
FIRST = "accounts.0001_tables"  # the first of the new migrations
WORDS = "ledger_db.0004_search_words"  # the new migrations of some days do not have it
HOW_TO_MOVE = (
    "docs/migrations.md#a-bank-from-before-the-fresh-migrations describes how to move it"
    " with manage.py adopt_migrations"
)
NOTHING_CHANGED = f"Nothing was changed: older code made this bank. {HOW_TO_MOVE}."


def is_older(applied: Collection[str]) -> bool:
    """Returns whether the bank is from before the current migrations. `applied` contains the names
    of the bank's migrations, such as `alerts.0001_initial`.
    """
    has_accounts = any(name.startswith("accounts.") for name in applied)
    return has_accounts and not {FIRST, WORDS} <= set(applied)
