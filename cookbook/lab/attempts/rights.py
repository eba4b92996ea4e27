"""Attempts on the real books, where the first wall stands: pages have no right to do it.

Each says WHERE false: were the wall gone, it would touch nothing.
"""

from cookbook.lab.attempts.attempt import Attempt
from cookbook.practice.bank import NO_RIGHT


def _as_the_page(rule: str, table: str, wants: str, sql: str) -> Attempt:
    return Attempt(table, rule, wants, f"{sql} WHERE false", NO_RIGHT)


ATTEMPTS: list[Attempt] = [
    _as_the_page(
        "no-right-to-balances",
        "accounts",
        "Take 100 out of thin air",
        "UPDATE accounts SET balance = balance + 100",
    ),
    _as_the_page(
        "no-right-to-amounts",
        "transactions",
        "Have paid one cent instead",
        "UPDATE transactions SET amount = 0.01",
    ),
    _as_the_page(
        "no-right-to-delete",
        "transactions",
        "Make a payment undone",
        "DELETE FROM transactions",
    ),
    _as_the_page(
        "no-right-to-seals",
        "seals",
        "Write another digest under the books",
        "UPDATE seals SET digest = sha256('another')",
    ),
]
