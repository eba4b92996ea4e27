"""The fixtures of tests/transactions, for features that stand on it."""

from tests.transactions.conftest import demo, review_shown

__all__ = ["demo", "review_shown"]
