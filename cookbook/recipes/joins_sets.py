"""Recipes about UNION, INTERSECT and EXCEPT, many-to-many relations, and LATERAL."""

from typing import Annotated, Any, Literal

from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import QuerySet

from accounts.models import User
from cookbook.recipes.joins import GROUP
from cookbook.runner.parameters import Between
from cookbook.runner.steps import step


@GROUP.recipe(
    "union(), intersection(), difference()",
    asks="How do I combine two querysets (union, intersection, difference)?",
    shows=(
        "union",
        "intersection",
        "difference",
        "union of two querysets",
        "combine querysets",
        "UNION",
        "INTERSECT",
        "EXCEPT",
    ),
    notice="Django puts UNION, INTERSECT or EXCEPT between two SELECTs. All three drop repeated "
    "rows, so the DISTINCT that a join would need is not necessary.",
    pitfall="After union() only order_by(), slices, values() and a few others work: filter() "
    "raises NotSupportedError. Columns are matched by position, not by name. For one table, Q "
    "with | does the same in one SELECT.",
)
def rent_and_cash(
    currency: Literal["USD", "EUR", "GBP"] = "USD",
) -> dict[str, QuerySet[User, Any]]:
    """Returns who pays rent or withdraws cash, who does both, and who only pays rent."""
    emails = User.objects.values_list("email", flat=True)
    rent = emails.filter(accounts__sent__currency=currency, accounts__sent__category="rent")
    cash = emails.filter(accounts__sent__currency=currency, accounts__sent__category="cash")
    return {
        "union: either": rent.union(cash).order_by("email"),
        "intersection: both": rent.intersection(cash).order_by("email"),
        "difference: only rent": rent.difference(cash).order_by("email"),
    }


@GROUP.recipe(
    "ManyToManyField: add, filter, prefetch",
    asks="How do I add to, filter by and prefetch a many-to-many relation?",
    shows=(
        "many to many",
        "ManyToManyField",
        "M2M",
        "through table",
        "add",
        "distinct",
        "prefetch_related",
    ),
    notice="The table users_groups has a row for each pair. add() is one INSERT … ON CONFLICT DO "
    "NOTHING, so adding twice makes no second row. Prefetching the people of all groups is one "
    "query, with a join of that table.",
    pitfall="A filter over the relation is a join: Ana, who is in both groups, is returned "
    "twice. distinct() or Exists returns her once.",
    writes=True,
)
def people_in_groups() -> dict[str, list[Any]]:
    """Adds Ana to two groups. Returns the members of the groups in three ways."""
    groups = Group.objects.filter(name__in=["analysts", "operations"]).order_by("name")
    with step("add()"):
        User.objects.get(email="ana@example.com").groups.add(*groups)
    members = (
        User.objects.filter(groups__in=groups).order_by("email").values_list("email", flat=True)
    )
    with step("By a join"):
        joined = list(members)
    with step("Without repeats"):
        once = list(members.distinct())
    with step("Prefetched"):
        each = [
            {"group": group.name, "people": sorted(person.name for person in group.user_set.all())}
            for group in groups.prefetch_related("user_set")
        ]
    return {"By a join": joined, "Without repeats": once, "Groups": each}


@GROUP.recipe(
    "LATERAL: the last rows for each row",
    asks="How do I join each row with its last three rows (LATERAL)?",
    shows=("LATERAL", "CROSS JOIN LATERAL", "last rows per group", "raw SQL"),
    notice="The query after LATERAL runs once for each account, because it may use columns of the "
    "tables before it: a subquery in FROM without LATERAL may not. Unlike Subquery(), it returns "
    "several rows and several columns.",
    pitfall="Django writes no LATERAL. CROSS JOIN LATERAL leaves out accounts without a payment; "
    "LEFT JOIN LATERAL (…) ON true keeps them. Without an index for the inner query, each account "
    "reads the whole table.",
)
def last_payments_by_lateral(
    email: str = "ana@example.com", most: Annotated[int, Between(1, 10)] = 3
) -> list[dict[str, Any]]:
    """Returns the last payments from each account of a person."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT accounts.name AS account, latest.created_at, latest.amount
            FROM users
            JOIN accounts ON accounts.user_id = users.id
            CROSS JOIN LATERAL (
                SELECT created_at, amount FROM transactions
                WHERE from_account_id = accounts.id
                ORDER BY created_at DESC LIMIT %s
            ) AS latest
            WHERE users.email = %s
            ORDER BY accounts.name, latest.created_at DESC
            """,
            [most, email],
        )
        columns = [column.name for column in cursor.description]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
