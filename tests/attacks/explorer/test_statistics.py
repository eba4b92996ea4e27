"""Estimates of the planner reveal no names to an analyst without the right to see names. Estimates
use all rows. A query shows estimates not by its plan, but by the order of its rows. The tests
analyze the tables.
"""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from explorer.running.session import read_only_session
from tests.explorer.books import Books
from tests.factories import AccountFactory
from tests.pooler import beside
from transactions import services

pytestmark = pytest.mark.django_db
MANY, NAME, ABSENT = 30, "Frequent Name", "Absent Name"
# Each with a value that most rows have or lie below, and with a value that no row has.
CONDITIONS = {
    "users": ["name = 'IT'", "name < 'IT'", "name LIKE 'IT%'", "name IN ('IT', 'x')"],
    "accounts": ["name = 'IT'", "name > 'IT'", "number < 'IT'", "number IN ('IT', 'x')"],
    "transactions": [
        "description = 'IT'", "description >= 'IT'", "description ILIKE 'IT%'", "reference = 'IT'",
        "reference <> 'IT'", "description || reference = 'IT'", """metadata @> '{"who": "IT"}'""",
        """metadata = '{"who": "IT"}'""", "metadata->>'who' = 'IT'",
    ],
}  # fmt: skip
CONDITIONS["entries"] = CONDITIONS["transactions"]
EACH = [(view, condition) for view, found in CONDITIONS.items() for condition in found]
# The statistics of a table as its owner sees them, to prove that they contain values.
OF_TABLES = [("users", "name = 'IT'"), ("accounts", "name = 'IT'"), ("entries", "reference = 'IT'")]


@pytest.fixture(scope="module", autouse=True)
def _analyzed(books: Books, django_db_blocker: DjangoDbBlocker) -> None:
    with django_db_blocker.unblock():
        for _ in range(MANY):
            AccountFactory(user__name=NAME, name=NAME)
            services.transfer(
                from_account=books.ana, to_account=books.ben, amount=Decimal(1),
                description=NAME, reference=NAME, metadata={"who": NAME},
            )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE users, accounts, transactions")


def plans(session: Any, table: str, condition: str) -> set[str]:
    """Returns the plans with all estimates and without the value."""
    found = set()
    for value in (NAME, ABSENT):
        sql = f"EXPLAIN SELECT * FROM {table} WHERE {condition.replace('IT', value)}"
        lines = session.execute(sql.encode()).fetchall()
        found.add("\n".join(line for (line,) in lines).replace(value, "IT"))
    return found


@pytest.mark.parametrize(("view", "condition"), EACH)
def test_no_estimate_shows_how_many_have_a_name_or_a_text(
    view: str, condition: str, books: Books
) -> None:
    with read_only_session(books.bank, 5) as session:
        assert len(plans(session, view, condition)) == 1


@pytest.mark.parametrize(("table", "condition"), OF_TABLES)
def test_estimates_of_the_tables_would_show_it(table: str, condition: str) -> None:
    with beside() as owner:
        assert len(plans(owner, f"public.{table}", condition)) == 2
