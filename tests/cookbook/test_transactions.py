"""Recipes of transactions and locks, on connections of their own."""

from tests.cookbook.conftest import Cook


def test_lost_update(cook: Cook) -> None:
    ran = cook("lost-update")
    assert ran.value == {"naive": 150, "safe": 120}
    assert {step.session for step in ran.steps} == {"ana", "ben"}
