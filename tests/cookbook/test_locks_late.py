"""Recipes of stored numbers that become wrong in parallel transactions."""

from tests.cookbook.conftest import Cook
from tests.cookbook.shared import errors


def test_a_deferrable_foreign_key_locks_its_parent_too_late(cook: Cook) -> None:
    ran = cook("deferred-lock")
    assert ran.value == [
        {"checked": "at COMMIT", "Ana waits for": "nobody", "stored": 0, "notes": 1},
        {"checked": "after the INSERT", "Ana waits for": "Ben", "stored": 1, "notes": 1},
    ]
    assert errors(ran) == []


def test_a_statement_continues_with_the_snapshot_from_before_its_wait(cook: Cook) -> None:
    ran = cook("old-snapshot")
    assert ran.value == [
        {"counted": "in one statement", "Ben waits for": "Ana", "stored": 0, "notes": 1},
        {"counted": "after the lock", "Ben waits for": "Ana", "stored": 1, "notes": 1},
    ]
    assert errors(ran) == []
