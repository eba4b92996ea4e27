"""What several tests of this folder share."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import django
from django.db import connection

from cookbook.lab.attempts.attempt import Attempt
from cookbook.practice.bank import lock_here
from cookbook.runner.run import RecipeRun
from cookbook.runner.sessions import Session
from transactions.models.seal_triggers import SEALING

# What Django does otherwise from 6.0 on: save() reads back what an UPDATE calculated.
READS_BACK = django.VERSION >= (6, 0)


def average(amounts: list[Decimal]) -> Decimal:
    return (sum(amounts, Decimal(0)) / len(amounts)).quantize(Decimal("0.01"))


HARMLESS = Attempt(
    "accounts",
    "no_such_rule",
    "Rename what is open",
    "UPDATE accounts SET name = 'Mine' WHERE status <> 'closed'",
)


@contextmanager
def sealing() -> Iterator[None]:
    """Somebody seals the real books meanwhile."""
    session = Session("sealer", ["public"], [])
    try:
        session.begin()
        session.run(take_the_lock_of_the_seals)
        yield
        session.rollback()
    finally:
        session.close()


def take_the_lock_of_the_seals() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock_here(SEALING)])


LONG = 20  # seconds: a wait that takes so long is a failure


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + LONG
    while not true():
        assert time.monotonic() < deadline, "It never came."


def errors(ran: RecipeRun) -> list[str]:
    """What Postgres refused, in the recipe itself and in its steps."""
    queries = [*ran.work.queries, *(query for step in ran.steps for query in step.queries)]
    return [query.error for query in queries if query.error]


OF_ANA = (
    "SELECT t.value_date, t.description, t.amount, t.category FROM transactions t"
    " JOIN accounts a ON a.id = t.from_account_id JOIN users u ON u.id = a.user_id"
    " WHERE u.email = 'ana@example.com' AND t.currency = %s ORDER BY t.created_at"
)


TRAVEL = (
    "SELECT e.value_date, e.description, e.signed_amount, e.balance FROM entries e"
    " JOIN accounts a ON a.id = e.account_id JOIN users u ON u.id = a.user_id"
    " WHERE u.email = 'ana@example.com' AND a.name = 'Travel' AND e.status = 'completed'"
    " AND e.value_date >= %s ORDER BY e.created_at"
)


def by_month(rows: Any, category: str) -> dict[date, Decimal]:
    spent: defaultdict[date, Decimal] = defaultdict(Decimal)
    for day, _what, amount, its_category in rows(OF_ANA, "USD"):
        if its_category == category:
            spent[day.replace(day=1)] += amount
    return dict(sorted(spent.items()))
