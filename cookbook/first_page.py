"""The table at the top of the cookbook: common lines of ORM code, and the SQL of each line.

Each process runs these lines once in the practice bank and rolls back. The table shows the SQL that
Django sent. Each line links to a recipe with more details.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import transaction as db_transaction
from django.db.models import F, Q, QuerySet, Sum

from accounts.models import Account, User
from cookbook.models import Jar, JarNote
from cookbook.practice.readiness import require
from cookbook.practice.role import as_cookbook_role
from cookbook.recipe import Recipe
from cookbook.recipes import BY_SLUG
from ledger.db.queries.work import QueryLog, watched
from transactions.models import Transaction


@dataclass(frozen=True, slots=True)
class OrmLine:
    """One line of the table: what the line does, its source code, and the SQL that Postgres
    received.

    The line links to `recipe`. `note` explains how the SQL differs outside the cookbook, or is "".
    """

    does: str
    code: str
    sql: tuple[str, ...]
    recipe: Recipe
    note: str = ""


def rows_that_match() -> Any:
    return Account.objects.filter(currency="USD", balance__gt=1000).values("number", "balance")


def rows_that_do_not_match() -> Any:
    return Account.objects.exclude(status="closed").values("name")


def either() -> Any:
    return Account.objects.filter(Q(currency="JPY") | Q(status="frozen")).values("number")


def one_row() -> Any:
    return User.objects.only("name").get(email="ana@example.com")


def first_row() -> Any:
    return Account.objects.order_by("-balance").values("number").first()


def largest() -> Any:
    return Transaction.objects.order_by("-amount", "pk").values("amount")[:3]


def next_page() -> Any:
    return Transaction.objects.order_by("-amount", "pk").values("amount")[20:30]


def through_relation() -> Any:
    return Account.objects.filter(user__name="Ana Ferreira").values("name", "user__email")


def how_many() -> Any:
    return Transaction.objects.filter(category="rent").count()


def are_there_any() -> Any:
    return Transaction.objects.filter(status="pending").exists()


def totals() -> Any:
    return Transaction.objects.values("category").annotate(spent=Sum("amount"))


def total() -> Any:
    return Jar.objects.aggregate(total=Sum("coins"))


def inserted() -> Any:
    return Jar.objects.create(name="rent", coins=100)


def several_inserted() -> Any:
    return Jar.objects.bulk_create([Jar(name="food"), Jar(name="fun")])


def changed() -> Any:
    return Jar.objects.filter(name="rent").update(coins=F("coins") + 1)


def locked() -> Any:
    return Jar.objects.select_for_update().filter(name="rent")


def all_or_none() -> Any:
    with db_transaction.atomic():
        Jar.objects.create(name="tax")
        Jar.objects.create(name="trip")


def with_parent() -> Any:
    return JarNote.objects.select_related("jar")


def with_children() -> Any:
    return Jar.objects.prefetch_related("notes")


SAVEPOINT = (
    "These lines run in one transaction, so atomic() is a savepoint here. Elsewhere it sends BEGIN "
    "and COMMIT."
)
# Each entry has a title, a function with the line, and the slug of its recipe. Lines that read jars
# come after lines that insert jars: without jars, Django sends no second query for the notes.
LINES: tuple[tuple[str, Callable[[], Any], str], ...] = (
    ("Rows that match", rows_that_match, "rents-by-size"),
    ("Rows that do not match", rows_that_do_not_match, "daily-limits"),
    ("Either condition", either, "rent-or-large"),
    ("Exactly one row", one_row, "the-only-account"),
    ("The first row, or None", first_row, "first-hold-of"),
    ("The first rows, sorted", largest, "largest-payments"),
    ("A later page of rows", next_page, "page-of-payments"),
    ("Through a relation", through_relation, "large-payments-into"),
    ("How many", how_many, "any-many-all"),
    ("Whether a row exists", are_there_any, "any-many-all"),
    ("One total", total, "figures-of-category"),
    ("A total for each group", totals, "spent-by-category"),
    ("Insert a row", inserted, "add-contact"),
    ("Insert several rows", several_inserted, "rates-of-a-week"),
    ("Change rows without reading them", changed, "limit-for-all"),
    ("Lock a row", locked, "select-for-update"),
    ("All writes or none", all_or_none, "all-or-nothing"),
    ("Rows with the row of a foreign key", with_parent, "n-plus-one"),
    ("Rows with the rows that refer to them", with_children, "savers-with-their-accounts"),
)
NOTES = {all_or_none: SAVEPOINT}


@cache
def lines() -> tuple[OrmLine, ...]:
    """Returns all lines of the table.

    Raises: NoPracticeBank if there is no practice bank.
    """
    require()
    with (
        as_cookbook_role(writes=True),
        db_transaction.atomic(),
        watched(with_session=True) as work,
    ):
        return tuple(
            OrmLine(
                does,
                source_of(line),
                _statements_of(line, work),
                BY_SLUG[slug],
                NOTES.get(line, ""),
            )
            for does, line, slug in LINES
        )


def source_of(line: Callable[[], Any]) -> str:
    """Returns the source code of the only statement in a function. For a return statement, returns
    only the expression.
    """
    source = textwrap.dedent(inspect.getsource(line))
    (function,) = ast.parse(source).body
    (statement,) = function.body  # type: ignore[attr-defined]
    if isinstance(statement, ast.Return) and statement.value:
        return ast.get_source_segment(source, statement.value) or ""
    return textwrap.dedent(ast.get_source_segment(source, statement, padded=True) or "")


def _statements_of(line: Callable[[], Any], work: QueryLog) -> tuple[str, ...]:
    before = len(work.queries)
    value = line()
    if isinstance(value, QuerySet):
        list(value)  # a queryset sends its query only when it is read
    return tuple(query.sql for query in work.queries[before:])
