"""Banks with the old migrations, which `adopt_migrations` moves to the fresh ones."""

from collections.abc import Collection

COMMIT = "0f06292b"  # the last commit with the old migrations
FIRST = "accounts.0001_tables"  # the first of the fresh migrations
HOW_TO_MOVE = (
    "docs/migrations.md#a-bank-from-before-the-fresh-migrations describes how to move it"
    " with manage.py adopt_migrations"
)
NOTHING_CHANGED = f"Nothing was changed: older code made this bank. {HOW_TO_MOVE}."


def is_older(applied: Collection[str]) -> bool:
    """Returns whether a bank with these migrations, such as `alerts.0001_initial`, is older."""
    return any(name.startswith("accounts.") for name in applied) and FIRST not in applied
