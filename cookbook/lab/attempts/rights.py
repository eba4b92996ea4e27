"""Attempts to change the real tables with SQL for which the role of pages has no right.

Each attempt has WHERE false, so it would change nothing even with the right.
"""

from cookbook.lab.attempts.attempt import Attempt
from cookbook.practice.readiness import NO_RIGHT


def _as_the_page(rule: str, table: str, title: str, sql: str) -> Attempt:
    return Attempt(table, rule, title, f"{sql} WHERE false", NO_RIGHT)


ATTEMPTS: list[Attempt] = [
    _as_the_page(
        "no-right-to-balances",
        "accounts",
        "Add 100 to a balance without a payment",
        "UPDATE accounts SET balance = balance + 100",
    ),
    _as_the_page(
        "no-right-to-amounts",
        "transactions",
        "Change the amount of a posted transaction",
        "UPDATE transactions SET amount = 0.01",
    ),
    _as_the_page(
        "no-right-to-delete",
        "transactions",
        "Delete a transaction as the web role",
        "DELETE FROM transactions",
    ),
    _as_the_page(
        "no-right-to-scopes",
        "api_tokens",
        "Give an access token more scopes as the web role",
        "UPDATE api_tokens SET scopes = '{pay,staff}'",
    ),
    _as_the_page(
        "no-right-to-seals",
        "seals",
        "Replace a seal's digest as the web role",
        "UPDATE seals SET digest = sha256('another')",
    ),
]
