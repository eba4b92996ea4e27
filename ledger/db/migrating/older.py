"""Banks from before the fresh migrations, which `adopt_migrations` moves."""

from collections.abc import Collection

COMMIT = "0f06292b"  # the last one with the old migrations
FIRST = ("accounts", "0001_tables")  # of the fresh ones
HOW_TO_MOVE = (
    "docs/migrations.md#a-bank-from-before-the-fresh-migrations says how to move it, by"
    " manage.py adopt_migrations"
)


def is_older(applied: Collection[tuple[str, str]]) -> bool:
    """Whether a bank with these migrations, of which each is an app and a name, has not moved."""
    return any(app == FIRST[0] for app, _name in applied) and FIRST not in applied
