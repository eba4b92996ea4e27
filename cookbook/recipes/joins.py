"""Recipes that read rows of several tables in few queries."""

from typing import Annotated, Any, Literal

from django.db.models import (
    Exists,
    F,
    FilteredRelation,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Sum,
)

from accounts.models import Account, User
from cookbook.recipe import RecipeGroup
from cookbook.runner.parameters import Between
from cookbook.runner.steps import step
from transactions.models import Transaction

GROUP = RecipeGroup("joins", "Joins", "Rows of several tables in few queries.")


@GROUP.recipe(
    "select_related(): avoid N+1 queries",
    asks="How do I stop a loop from sending a query for every row (N+1)?",
    shows=("N+1", "select_related", "foreign key", "join", "slow page", "lazy loading"),
    notice="For five accounts the loop sends six queries: one for the accounts, and one for the "
    "holder of each. With select_related(), one query with a join returns the same names.",
    pitfall="Nothing fails and nothing warns: the loop is fast with five rows on your own "
    "machine and slow with five hundred. Count the queries in a test.",
)
def n_plus_one(most: Annotated[int, Between(1, 12)] = 5) -> dict[str, list[dict[str, str]]]:
    """Returns the holders of the largest dollar accounts, row by row and then by one join."""
    accounts = Account.objects.filter(currency="USD").order_by("-balance")[:most]
    with step("N+1: the holder, row by row"):
        slow = [{"account": row.name, "holder": row.user.name} for row in accounts]
    with step("select_related: one join"):
        joined = accounts.select_related("user")
        quick = [{"account": row.name, "holder": row.user.name} for row in joined]
    return {"Row by row": slow, "Joined": quick}


@GROUP.recipe(
    "prefetch_related(): all children of each row",
    asks="How do I load a reverse foreign key or many-to-many relation for a whole list?",
    shows=("prefetch_related", "reverse relation", "related_name", "one to many", "IN"),
    notice="Django sends two queries for any number of people: the second loads the accounts of "
    "all of them by user_id IN (…), and Python assigns them to their owners.",
    pitfall="person.accounts.filter(…) or order_by(…) inside the loop ignores the prefetched "
    "rows and sends a query for each person; only all() uses them.",
)
def savers_with_their_accounts() -> list[dict[str, str]]:
    """Returns the people with a savings account, and the names of all their accounts."""
    savers = User.objects.filter(accounts__name="Savings").distinct().order_by("email")
    return [
        {
            "email": person.email,
            "accounts": ", ".join(sorted(account.name for account in person.accounts.all())),
        }
        for person in savers.prefetch_related("accounts")
    ]


@GROUP.recipe(
    "Prefetch(): some children of each row",
    asks="How do I prefetch only some of the related rows, in my own order?",
    shows=("Prefetch", "to_attr", "prefetch_related", "top rows per parent", "sliced prefetch"),
    notice="Django turns the slice [:each] into ROW_NUMBER() OVER (PARTITION BY from_account_id) "
    "and keeps the first rows of each account. One query does it for all accounts.",
    pitfall="Without to_attr the filtered rows are stored under the relation's own name, and "
    "later code that reads account.sent.all() takes them for all rows.",
)
def largest_payments_of_accounts(
    each: Annotated[int, Between(1, 5)] = 2,
) -> list[dict[str, Any]]:
    """Returns the largest withdrawals from each of Ana's accounts."""
    largest = Transaction.objects.filter(type="withdrawal").order_by("-amount", "pk")[:each]
    accounts = Account.objects.filter(user__email="ana@example.com").order_by("name")
    return [
        {"account": account.name, "paid_for": payment.description, "amount": payment.amount}
        for account in accounts.prefetch_related(Prefetch("sent", largest, to_attr="largest"))
        for payment in account.largest
    ]


@GROUP.recipe(
    "FilteredRelation: a condition in the ON",
    asks="How do I put a condition into the ON of a LEFT JOIN?",
    shows=("FilteredRelation", "left join", "outer join", "condition in ON", "Sum"),
    notice="The category is in the ON of the LEFT OUTER JOIN, so an account that paid no rent "
    "still has a row, with None.",
    pitfall="filter(sent__category='rent') puts the same condition into WHERE and makes the join "
    "an INNER JOIN: the accounts without rent are missing.",
)
def rent_paid_by_each_account() -> QuerySet[Account, Any]:
    """Returns every account in pounds with the sum of the rent that it paid, or None."""
    return (
        Account.objects.filter(currency="GBP")
        .annotate(rents=FilteredRelation("sent", condition=Q(sent__category="rent")))
        .values("user__email", "name")
        .annotate(rent_paid=Sum("rents__amount"))
        .order_by("user__email", "name")
    )


@GROUP.recipe(
    "Subquery(OuterRef): the latest related row",
    asks="How do I annotate each row with a value of its latest related row?",
    shows=(
        "Subquery",
        "OuterRef",
        "correlated subquery",
        "latest related row",
        "annotate",
        "LATERAL",
    ),
    notice="Each Subquery is a SELECT with LIMIT 1 in the list of columns. For each account, "
    "Postgres reads only the last entry of that account in the index transactions_from_created.",
    pitfall="Without [:1] Postgres refuses with 21000, more than one row returned by a subquery, "
    "but only when some account has two payments. Each column of the other row needs a Subquery; "
    "SQL by hand reads several columns with one JOIN LATERAL, which the ORM cannot write.",
)
def last_payment_of_each_account() -> QuerySet[Account, Any]:
    """Returns each account in pounds with the description and the time of its last payment."""
    sent = Transaction.objects.filter(from_account=OuterRef("pk")).order_by("-created_at")
    return (
        Account.objects.filter(currency="GBP")
        .annotate(
            last_payment=Subquery(sent.values("description")[:1]),
            paid_at=Subquery(sent.values("created_at")[:1]),
        )
        .values("user__email", "name", "last_payment", "paid_at")
        .order_by(F("paid_at").desc(nulls_last=True))
    )


@GROUP.recipe(
    "Exists(): with or without related rows",
    asks="How do I filter by whether related rows exist, without duplicates?",
    shows=("Exists", "OuterRef", "semi join", "anti join", "NOT EXISTS", "distinct"),
    notice="EXISTS checks for each account whether there is a payment, so each account is "
    "returned at most once; the plan has Semi Join, and Anti Join for those without. The join "
    "returns an account once for every matching payment.",
    pitfall="The join without distinct() is right in a test with one payment each, and repeats "
    "accounts in real data; a Count over it is wrong too.",
    teaches_plan=True,
)
def accounts_that_draw_cash() -> dict[str, Any]:
    """Returns dollar accounts with and without cash withdrawals, and the size of a join."""
    accounts = Account.objects.filter(currency="USD").order_by("user__email", "name")
    named = accounts.values("user__email", "name")
    cash = Transaction.objects.filter(from_account=OuterRef("pk"), category="cash")
    with step("Exists"):
        some = list(named.filter(Exists(cash)))
    with step("Not Exists"):
        none = list(named.filter(~Exists(cash)))
    with step("A join"):
        joined = named.filter(sent__category="cash").count()
    return {"Cash was drawn": some, "Never": none, "Rows of the join": joined}


@GROUP.recipe(
    "Subquery(Sum): sums over two relations",
    asks="Why are my sums too large when I annotate two of them together?",
    shows=("Subquery", "OuterRef", "Sum", "fan-out", "wrong sums", "multiple aggregates"),
    notice="For KWD, two joins pair each of the 478 payments out with each of the 16 in. That "
    "makes 7,648 rows, and each payment in is added 478 times. Two subqueries sum each side.",
    pitfall="Count(…, distinct=True) repairs counts, but Sum(…, distinct=True) drops payments of "
    "the same amount: also wrong, and harder to notice.",
)
def money_in_and_out(currency: Literal["KWD", "JPY", "GBP"] = "KWD") -> dict[str, Any]:
    """Sums the payments out of and into each account in one currency, in two ways."""
    accounts = Account.objects.filter(currency=currency).order_by("user__email", "name")
    with step("Two joins"):
        joined = accounts.annotate(out=Sum("sent__amount"), into=Sum("received__amount"))
        wrong = list(joined.values("name", "out", "into"))
    with step("Two subqueries"):
        sent = Transaction.objects.filter(from_account=OuterRef("pk"))
        received = Transaction.objects.filter(to_account=OuterRef("pk"))
        right = list(
            accounts.annotate(out=total_of(sent), into=total_of(received)).values(
                "name", "out", "into"
            )
        )
    return {"By two joins: wrong": wrong, "By two subqueries": right}


def total_of(rows: QuerySet[Transaction]) -> Subquery:
    """Returns a subquery for the sum of these payments, which all have the same currency."""
    return Subquery(
        rows.order_by().values("currency").annotate(total=Sum("amount")).values("total")
    )


@GROUP.recipe(
    "filter().filter(): one related row, or two",
    asks="Why does filter().filter() over a relation find more rows than one filter()?",
    shows=("filter", "multi-valued relation", "chained filter", "join twice", "one to many"),
    notice="In one filter() both conditions are about the same payment, so there is one join. Each "
    "chained filter() adds another join, here T4: one payment must be rent, and one, perhaps "
    "another, must be large.",
    pitfall="Splitting one filter() into several changes its meaning as soon as it uses a "
    "to-many relation.",
)
def one_row_or_two(above: Annotated[int, Between(0, 10000)] = 1000) -> dict[str, list[str]]:
    """Returns who paid a rent above an amount, and who paid a rent and any such payment."""
    accounts = Account.objects.order_by("user__email").distinct()
    emails = accounts.values_list("user__email", flat=True)
    with step("One filter: the same payment"):
        same = list(emails.filter(sent__category="rent", sent__amount__gt=above))
    with step("Two filters: may be two payments"):
        any_two = list(emails.filter(sent__category="rent").filter(sent__amount__gt=above))
    return {"The same payment": same, "Perhaps two payments": any_two}


@GROUP.recipe(
    "INNER JOIN or LEFT OUTER JOIN",
    asks="When does Django use INNER JOIN and when LEFT OUTER JOIN?",
    shows=("values", "F", "inner join", "left join", "join type", "columns of related tables"),
    notice="to_account may be NULL, so plain values() uses a LEFT OUTER JOIN and keeps the "
    "withdrawals. A condition on the joined table turns the same join into an INNER JOIN.",
    pitfall="A condition like filter(to_account__name='Savings') also drops every row without a "
    "recipient; to keep those, add Q(to_account__isnull=True).",
)
def payments_and_where_they_went(
    most: Annotated[int, Between(1, 20)] = 4,
) -> dict[str, list[dict[str, Any]]]:
    """Returns the newest payments from Ana's Everyday account: all, then only to Savings."""
    payments = (
        Transaction.objects.filter(
            from_account__user__email="ana@example.com", from_account__name="Everyday"
        )
        .order_by("-created_at")
        .values("description", "amount", into=F("to_account__name"))
    )
    with step("Outer: also withdrawals"):
        everything = list(payments[:most])
    with step("Inner: a condition on the other table"):
        saved = list(payments.filter(to_account__name="Savings")[:most])
    return {"All": everything, "Into savings": saved}
