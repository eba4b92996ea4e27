"""Example queries. A test runs each of them.

The examples count a payment as money out only if another person gets the payment. Transfers between
two accounts of the same owner do not count.
"""

from typing import NamedTuple


class ExampleQuery(NamedTuple):
    """An example query with its title, for the list next to the editor."""

    title: str
    sql: str


EXAMPLES = (
    ExampleQuery(
        "Money out by category",
        """SELECT coalesce(category, 'none') AS category, sum(amount) AS total, count(*) AS payments
FROM entries
JOIN accounts ON accounts.id = account_id
LEFT JOIN accounts AS other ON other.id = counterparty_id
WHERE direction = 'debit' AND entries.status = 'completed' AND entries.currency = 'USD'
  AND other.user_id IS DISTINCT FROM accounts.user_id
GROUP BY 1
ORDER BY 2 DESC
LIMIT 20""",
    ),
    ExampleQuery(
        "Money out by month",
        """SELECT date_trunc('month', entries.created_at)::date AS month, sum(amount) AS total
FROM entries
JOIN accounts ON accounts.id = account_id
LEFT JOIN accounts AS other ON other.id = counterparty_id
WHERE direction = 'debit' AND entries.status = 'completed' AND entries.currency = :currency
  AND other.user_id IS DISTINCT FROM accounts.user_id
GROUP BY 1
ORDER BY 1 DESC
LIMIT 12""",
    ),
    ExampleQuery(
        "Balances on a day",
        """SELECT DISTINCT ON (account_id) accounts.number, entries.balance, entries.currency
FROM entries
JOIN accounts ON accounts.id = account_id
WHERE entries.status = 'completed' AND entries.created_at < :day
ORDER BY account_id, entries.created_at DESC""",
    ),
    ExampleQuery(
        "Metadata keys",
        """SELECT key, count(*) AS payments, min(value #>> '{}') AS example
FROM transactions, jsonb_each(metadata)
GROUP BY 1
ORDER BY 2 DESC""",
    ),
)
