"""Postgres fires the triggers of a statement in the order of their names, which end in a hash."""

from collections import defaultdict
from itertools import pairwise

import pytest
from django.db import connection

pytestmark = pytest.mark.django_db
TRIGGERS = """
SELECT tgrelid::regclass::text, tgname
FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgrelid, tgname"""
# Each locks what the next one needs, or refuses what the next one would change.
IN_THIS_ORDER = {
    "transactions": [
        ("balances_follow_rows", "told_people"),  # alerts show the balances
        ("balances_follow_rows", "told_rows"),  # streams are locked after accounts
        ("held_follows_rows", "told_releases"),
    ],
    "account_status_changes": [("status_follows_changes", "told_status")],
    "approval_requests": [("request_for_limits", "request_is_for_others")],
    "users_groups": [("change_is_recorded", "group_needs_approval")],
}


@pytest.fixture
def names() -> dict[str, list[str]]:
    """The names of the triggers of each table, in the order of Postgres, without their hashes."""
    found = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(TRIGGERS)
        for table, name in cursor.fetchall():
            found[table].append(name.removeprefix("pgtrigger_").rpartition("_")[0])
    return found


def test_no_hash_decides_which_trigger_is_first(names: dict[str, list[str]]) -> None:
    """The hash follows from the app and the model that carry the trigger, which may change."""
    for each in names.values():
        for one, next_one in pairwise(each):
            assert not next_one.startswith(f"{one}_")
            assert not one.startswith(f"{next_one}_")


def test_locks_are_taken_in_order(names: dict[str, list[str]]) -> None:
    for table, pairs in IN_THIS_ORDER.items():
        for first, second in pairs:
            assert names[table].index(first) < names[table].index(second)
