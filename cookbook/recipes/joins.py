"""Rows of several tables, in as few queries as it takes."""

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

GROUP = RecipeGroup("joins", "Joins", "Rows of several tables, in as few queries as it takes.")


@GROUP.recipe(
    "The query that runs once a row, and its cure",
    asks="How do I stop a loop from sending a query for every row (N+1)?",
    shows=("N+1", "select_related", "foreign key", "join", "slow page", "lazy loading"),
    notice="The loop sends one query for the accounts and one more for the holder of each: six "
    "for five rows. With select_related() one query with a join brings the same names.",
    pitfall="Nothing fails and nothing warns: the loop is quick with five rows on your own machine "
    "and slow with five hundred. Count the queries in a test.",
)
def n_plus_one(most: Annotated[int, Between(1, 12)] = 5) -> dict[str, list[dict[str, str]]]:
    """Whose the largest dollar accounts are: asked row by row, then at once."""
    accounts = Account.objects.filter(currency="USD").order_by("-balance")[:most]
    with step("N+1: the holder, row by row"):
        slow = [{"account": row.name, "holder": row.user.name} for row in accounts]
    with step("select_related: joined in"):
        joined = accounts.select_related("user")
        quick = [{"account": row.name, "holder": row.user.name} for row in joined]
    return {"Row by row": slow, "Joined": quick}


@GROUP.recipe(
    "People, each with all their accounts",
    asks="How do I load a reverse foreign key or many-to-many relation for a whole list?",
    shows=("prefetch_related", "reverse relation", "related_name", "one to many", "IN"),
    notice="Two queries, however many people: the second asks for the accounts of all of them by "
    "user_id IN (…), and Python hands them out.",
    pitfall="person.accounts.filter(…) or order_by(…) inside the loop throws the prefetched rows "
    "away and asks again for each person; only all() uses them.",
)
def savers_with_their_accounts() -> list[dict[str, str]]:
    """Everybody who has a savings account, with the names of all accounts they have."""
    savers = User.objects.filter(accounts__name="Savings").distinct().order_by("email")
    return [
        {
            "email": person.email,
            "accounts": ", ".join(sorted(account.name for account in person.accounts.all())),
        }
        for person in savers.prefetch_related("accounts")
    ]


@GROUP.recipe(
    "Accounts, each with its few largest payments",
    asks="How do I prefetch only some of the related rows, in my own order?",
    shows=("Prefetch", "to_attr", "prefetch_related", "top rows per parent", "sliced prefetch"),
    notice="The slice of the Prefetch becomes ROW_NUMBER() OVER (PARTITION BY from_account_id): "
    "so many rows for each account, all accounts in one query.",
    pitfall="Without to_attr the filtered rows stand under the relation's own name, and whoever "
    "reads account.sent.all() later takes a part for the whole.",
)
def largest_payments_of_accounts(
    each: Annotated[int, Between(1, 5)] = 2,
) -> list[dict[str, Any]]:
    """Ana's accounts, and the largest payments that left each for good."""
    largest = Transaction.objects.filter(type="withdrawal").order_by("-amount", "pk")[:each]
    accounts = Account.objects.filter(user__email="ana@example.com").order_by("name")
    return [
        {"account": account.name, "paid_for": payment.description, "amount": payment.amount}
        for account in accounts.prefetch_related(Prefetch("sent", largest, to_attr="largest"))
        for payment in account.largest
    ]


@GROUP.recipe(
    "All rows on the left, only some on the right",
    asks="How do I put a condition into the ON of a LEFT JOIN?",
    shows=("FilteredRelation", "left join", "outer join", "condition in ON", "Sum"),
    notice="The category stands in the ON of the LEFT OUTER JOIN, so an account that paid no rent "
    "still has a row, with None.",
    pitfall="filter(sent__category='rent') puts the same condition into WHERE and makes the join "
    "an INNER JOIN: the accounts without rent are gone from the page.",
)
def rent_paid_by_each_account() -> QuerySet[Account, Any]:
    """Every account in pounds, and the rent that it paid, if it paid any."""
    return (
        Account.objects.filter(currency="GBP")
        .annotate(rents=FilteredRelation("sent", condition=Q(sent__category="rent")))
        .values("user__email", "name")
        .annotate(rent_paid=Sum("rents__amount"))
        .order_by("user__email", "name")
    )


@GROUP.recipe(
    "The newest child of each parent, as columns",
    asks="How do I annotate each row with a value of its latest related row?",
    shows=("Subquery", "OuterRef", "correlated subquery", "latest related row", "annotate"),
    notice="Each Subquery is a small SELECT with LIMIT 1 in the list of columns. Its plan is one "
    "step back along the index transactions_from_created for each account.",
    pitfall="Without [:1] Postgres refuses with 21000, more than one row returned by a subquery, "
    "and that only once some account has two payments.",
)
def last_payment_of_each_account() -> QuerySet[Account, Any]:
    """What each account in pounds paid last, and when."""
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
    "Parents that have such a child, or have none",
    asks="How do I filter by whether related rows exist, without duplicates?",
    shows=("Exists", "OuterRef", "semi join", "anti join", "NOT EXISTS", "distinct"),
    notice="EXISTS asks of each account whether there is a payment, so each comes once at most; "
    "the plan says Semi Join, and Anti Join for those without. The join brings an account once "
    "for every payment that fits.",
    pitfall="The join without distinct() is right in a test with one payment each and lists the "
    "same account again and again in a bank; a Count over it is wrong too.",
)
def accounts_that_draw_cash() -> dict[str, Any]:
    """Which dollar accounts cash was drawn from, which never, and the rows that a join brings."""
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
    "Two sums over two relations",
    asks="Why are my sums too large when I annotate two of them at once?",
    shows=("Subquery", "OuterRef", "Sum", "fan-out", "wrong sums", "multiple aggregates"),
    notice="Two joins pair each of the 478 payments out with each of the 16 in: 7,648 rows, and "
    "what came in is added up 478 times. A subquery adds up each side alone.",
    pitfall="Count(…, distinct=True) mends counts, but Sum(…, distinct=True) drops every payment "
    "of an amount that came before: also wrong, and less easily seen.",
)
def money_in_and_out(currency: Literal["KWD", "JPY", "GBP"] = "KWD") -> dict[str, Any]:
    """What the rows out of and into the accounts of one currency add up to, asked in two ways."""
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
    """The sum of these rows; they are all of one currency, so there is one group."""
    return Subquery(
        rows.order_by().values("currency").annotate(total=Sum("amount")).values("total")
    )


@GROUP.recipe(
    "Two conditions on one related row, or on two",
    asks="Why does filter().filter() over a relation find more than one filter() with both?",
    shows=("filter", "multi-valued relation", "chained filter", "join twice", "one to many"),
    notice="In one filter() both conditions speak of the same payment: one join. Chained, each "
    "filter() makes a join of its own, T4 is the second: some rent, and some large payment.",
    pitfall="Taking a filter() apart to build it up step by step changes what it means as soon as "
    "it goes over a one-to-many relation.",
)
def one_row_or_two(above: Annotated[int, Between(0, 10000)] = 1000) -> dict[str, list[str]]:
    """Accounts with one rent above 1,000; then accounts with a rent, and anything above 1,000."""
    accounts = Account.objects.order_by("user__email").distinct()
    emails = accounts.values_list("user__email", flat=True)
    with step("One filter: the same payment"):
        same = list(emails.filter(sent__category="rent", sent__amount__gt=above))
    with step("Two filters: perhaps two payments"):
        any_two = list(emails.filter(sent__category="rent").filter(sent__amount__gt=above))
    return {"The same payment": same, "Perhaps two payments": any_two}


@GROUP.recipe(
    "Columns of other tables, and which join brings them",
    asks="When does Django use INNER JOIN and when LEFT OUTER JOIN?",
    shows=("values", "F", "inner join", "left join", "join type", "columns of related tables"),
    notice="to_account may be empty, so values() alone joins it by LEFT OUTER JOIN and keeps the "
    "withdrawals. A condition on the joined table turns the same join into an INNER JOIN.",
    pitfall="A condition like filter(to_account__name='Savings') also drops every row without "
    "a recipient; say what should happen to those with Q(to_account__isnull=True).",
)
def payments_and_where_they_went(
    most: Annotated[int, Between(1, 20)] = 4,
) -> dict[str, list[dict[str, Any]]]:
    """The newest payments out of Ana's everyday account: all of them, then those into savings."""
    payments = (
        Transaction.objects.filter(
            from_account__user__email="ana@example.com", from_account__name="Everyday"
        )
        .order_by("-created_at")
        .values("description", "amount", into=F("to_account__name"))
    )
    with step("Outer: also what left the bank"):
        everything = list(payments[:most])
    with step("Inner: a condition on the other table"):
        saved = list(payments.filter(to_account__name="Savings")[:most])
    return {"All": everything, "Into savings": saved}
