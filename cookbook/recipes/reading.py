"""Recipes that read large results with little memory and few page reads."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from django.db import connection
from django.db.models import Q, QuerySet, Sum

from accounts.models import Account, User
from cookbook.recipe import RecipeGroup
from cookbook.runner.parameters import Between
from cookbook.runner.steps import step
from transactions.models import Transaction

GROUP = RecipeGroup(
    "reading", "Reading many rows", "Large results with little memory and few page reads."
)


@GROUP.recipe(
    "iterator(): loop with little memory",
    asks="How do I loop over a very large table without loading it all into memory?",
    shows=("iterator", "chunk_size", "memory", "batch", "large queryset", "stream", "async for"),
    notice="iterator() sends one query for any number of rows. Django fetches chunk_size rows at a "
    "time from a cursor on the server, and frees each row when the loop has moved on. "
    "In async code the loop is async for over aiterator().",
    pitfall="The queryset caches nothing, so a second loop over it queries the database again. "
    "And a sum like this belongs in the database: aggregate() returns one row instead of 2,383.",
)
def add_up_row_by_row(chunk: Annotated[int, Between(1, 1000)] = 500) -> dict[str, Any]:
    """Sums all payments in euros, in Python and in Postgres."""
    payments = Transaction.objects.filter(currency="EUR", from_account__isnull=False)
    count, total = 0, Decimal(0)
    with step("Row by row"):
        for payment in payments.only("amount").iterator(chunk_size=chunk):
            count += 1
            total += payment.amount
    with step("In Postgres"):
        summed = payments.aggregate(total=Sum("amount"))
    return {"rows": count, "row by row": total, "in Postgres": summed["total"]}


@GROUP.recipe(
    "Server-side cursors: what iterator() opens",
    asks="Does Django use a server-side cursor, and for how long is it open?",
    shows=("server-side cursor", "iterator", "named cursor", "DECLARE", "pg_cursors", "FETCH"),
    notice="During the loop, pg_cursors lists a cursor named _django_curs_…; after the loop the "
    "cursor is closed. psycopg itself sends FETCH to get the rows, so the list of statements here "
    "does not have it.",
    pitfall="pgbouncer in transaction mode may send the next FETCH over another connection, which "
    "does not have the cursor: set DISABLE_SERVER_SIDE_CURSORS there, and all rows are fetched at "
    "once.",
)
def cursor_behind_iterator(chunk: Annotated[int, Between(1, 1000)] = 100) -> dict[str, list[Any]]:
    """Lists the open cursors before, during and after a loop over all payments in pounds."""
    open_cursors = {"Before the loop": cursors()}
    payments = Transaction.objects.filter(currency="GBP").values_list("amount", flat=True)
    for number, _amount in enumerate(payments.iterator(chunk_size=chunk), start=1):
        if number == 2:
            open_cursors["At the second row"] = cursors()
    open_cursors["After the loop"] = cursors()
    return open_cursors


def cursors() -> list[dict[str, Any]]:
    """Returns the open cursors of this connection, and whether each outlives its transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement, is_holdable FROM pg_cursors WHERE name LIKE '_django%'")
        return [{"cursor": sql, "outlives": holdable} for sql, holdable in cursor.fetchall()]


@GROUP.recipe(
    "iterator() with prefetch_related()",
    asks="Can I use prefetch_related() together with iterator()?",
    shows=("iterator", "prefetch_related", "chunk_size", "batch"),
    notice="Django sends one query for the people, and one for the accounts of each chunk of "
    "people. For 24 people in chunks of 8 it sends four queries.",
    pitfall="A small chunk brings N+1 back: chunk_size=1 sends a query for each person. And "
    "without a chunk_size, iterator() after prefetch_related() raises ValueError.",
)
def people_in_chunks(chunk: Annotated[int, Between(1, 100)] = 8) -> dict[str, int]:
    """Counts all people and their accounts, reading the people in chunks."""
    people = User.objects.order_by("email").prefetch_related("accounts")
    counts = [len(person.accounts.all()) for person in people.iterator(chunk_size=chunk)]
    return {"people": len(counts), "accounts": sum(counts)}


@GROUP.recipe(
    "values(), values_list(): no model instances",
    asks="How do I get dicts, tuples or a flat list instead of model instances?",
    shows=("values", "values_list", "flat", "named", "dict", "tuple", "namedtuple", "pluck"),
    notice="All four read only the columns that they name, and none makes model instances, so the "
    "rows have no methods and cannot be saved.",
    pitfall="values_list(flat=True) without a column returns the first one, the id: silently on "
    "Django 5.2, with a warning on 6.1. And values() over a to-many relation "
    "repeats the row for each related one.",
)
def four_shapes_of_a_row(
    most: Annotated[int, Between(1, 10)] = 3,
) -> dict[str, QuerySet[Account, Any]]:
    """Returns the accounts with the largest balances in dollars, in four shapes."""
    accounts = Account.objects.filter(currency="USD").order_by("-balance")[:most]
    return {
        "values": accounts.values("name", "balance"),
        "values_list": accounts.values_list("name", "balance"),
        "values_list, flat": accounts.values_list("balance", flat=True),
        "values_list, named": accounts.values_list("name", "balance", named=True),
    }


@GROUP.recipe(
    "only() and defer(): fewer columns",
    asks="How do I fetch only the columns that I need, and what if I read another field?",
    shows=("only", "defer", "deferred field", "lazy loading", "N+1", "columns"),
    notice="defer() leaves out the columns metadata and search; the manager always defers search. "
    "only() leaves out all but the named fields and the id. Reading a deferred field sends a "
    "query, one for each row.",
    pitfall="One more field in a template sends a hidden query for each row: the page becomes "
    "slow, and nothing fails. values() never sends hidden queries: in Python, a field that it left "
    "out raises KeyError.",
)
def fields_left_out(most: Annotated[int, Between(1, 10)] = 3) -> dict[str, list[Any]]:
    """Returns the newest salary payments, with fewer loaded columns and with one more field."""
    wages = Transaction.objects.filter(category="salary").newest_first()[:most]
    few = wages.only("description", "amount")
    with step("defer: all but the metadata"):
        deferred = [
            {"what": row.description, "amount": row.amount} for row in wages.defer("metadata")
        ]
    with step("only: two columns and the key"):
        named = [{"what": row.description, "amount": row.amount} for row in few.all()]
    with step("A field that only() left out"):
        more = [{"what": row.description, "currency": row.currency} for row in few.all()]
    return {"By defer": deferred, "By only": named, "One field more": more}


@GROUP.recipe(
    "exists(), count() or len()",
    asks="How do I check whether rows exist: by exists(), count() or len()?",
    shows=("exists", "count", "count rows fast", "len", "bool", "empty queryset"),
    notice="exists() is SELECT 1 … LIMIT 1 and stops at the first row. count() reads all matching "
    "rows but sends one number. len() fetches and builds every row, and keeps the rows for a later "
    "loop.",
    pitfall="bool(payments) and len(payments) load all rows only to answer yes or no, or to count. "
    "But if you show the rows anyway, exists() and count() before the loop are extra queries.",
)
def any_many_all(
    category: Literal["cash", "travel", "groceries"] = "cash",
) -> dict[str, Any]:
    """Checks whether a category has payments in dollars, and counts them in two ways."""
    payments = Transaction.objects.filter(category=category, currency="USD")
    with step("exists"):
        there_are_some = payments.exists()
    with step("count"):
        counted = payments.count()
    with step("len"):
        loaded = len(payments)
    return {"exists": there_are_some, "count": counted, "len": loaded}


@GROUP.recipe(
    "explain(): the query plan",
    asks="How do I see the plan of a queryset?",
    shows=("explain", "EXPLAIN ANALYZE", "query plan", "slow query", "index used"),
    notice="Read the plan from the inside out, the most indented line first. The index "
    "transactions_from_created, read backwards, returns this account's payments with the newest "
    "first, so nothing is sorted. Limit stops after ten rows.",
    pitfall="The plain plan is an estimate: cost is not time, and the number of rows may be wrong. "
    "With analyze=True the query really runs, for as long as it takes.",
    teaches_plan=True,
)
def plan_of_a_page() -> dict[str, list[str]]:
    """Returns the estimated and the measured plan for the ten newest payments of an account."""
    account = Account.objects.get(user__email="ana@example.com", name="Everyday")
    page = Transaction.objects.filter(from_account=account).order_by("-created_at")[:10]
    return {
        "Guessed": page.explain().splitlines(),
        "Measured": page.explain(analyze=True).splitlines(),
    }


@GROUP.recipe(
    "Keyset pagination: a far page without OFFSET",
    asks="How do I page through many rows without OFFSET, which gets slower with each page?",
    shows=("keyset", "offset", "pagination", "cursor pagination", "seek method", "infinite scroll"),
    notice="Both pages use the same index. OFFSET also reads every row of the pages before, and "
    "drops them: 150 rows for page 30. The keyset query begins where the page before ended, and "
    "reads 5. The query between the two looks up the last time of the page before; in a real page, "
    "the link to the next page would contain it.",
    pitfall="The column has to be unique, or rows with equal values are left out: created_at is "
    "unique within an account; elsewhere add the key. And you cannot jump to page 30 without the "
    "pages before.",
    teaches_plan=True,
)
def keyset_and_offset(page: Annotated[int, Between(2, 150)] = 30) -> dict[str, list[Any]]:
    """Returns a page of Ana's payments by OFFSET, and by the last time of the page before."""
    account = Account.objects.get(user__email="ana@example.com", name="Everyday")
    payments = Transaction.objects.filter(from_account=account).order_by("-created_at")
    rows = payments.values("created_at", "description", "amount")
    start = (page - 1) * 5
    with step("By OFFSET"):
        by_offset = list(rows[start : start + 5])
    with step("The end of the page before"):
        last = payments.values_list("created_at", flat=True)[start - 1]
    with step("By keyset"):
        by_keyset = list(rows.filter(created_at__lt=last)[:5])
    return {"By OFFSET": by_offset, "By keyset": by_keyset}


@GROUP.recipe(
    "Keyset of two columns: page by a tied column",
    asks="How do I page by a column that is not unique?",
    shows=("keyset", "pagination", "tie-breaker", "Q", "row comparison", "order_by"),
    notice="The next page has the rows with a smaller amount, and those with the same amount and a "
    "later key. amount__lte only repeats a part of this condition without OR, so that an index on "
    "the amount can be used.",
    pitfall="With only amount__lt, the other rows of the same amount are left out. With only "
    "amount__lte, rows of that amount come again; if they fill a page, the next page is the "
    "same, without end.",
)
def keyset_of_two_columns(most: Annotated[int, Between(1, 10)] = 4) -> dict[str, list[Any]]:
    """Returns two pages of the most expensive dollar subscriptions; some have equal prices."""
    payments = Transaction.objects.filter(category="subscription", currency="USD")
    ordered = payments.order_by("-amount", "pk")
    first = list(ordered[:most])
    last = first[-1]
    later = Q(amount__lt=last.amount) | Q(amount=last.amount, pk__gt=last.pk)
    second = ordered.filter(later, amount__lte=last.amount)[:most]
    columns = ("value_date", "description", "amount")
    return {
        "The first page": [{name: getattr(row, name) for name in columns} for row in first],
        "The next page": list(second.values(*columns)),
    }


@GROUP.recipe(
    "in_bulk(): many rows by their keys",
    asks="How do I look up a list of ids in one query and have them by id?",
    shows=("in_bulk", "dict by id", "lookup by key", "IN"),
    notice="in_bulk() sends one query with IN (…), and returns a dict from key to row. Another "
    "unique column works as well: field_name='email'.",
    pitfall="A key that does not exist is missing from the dict: no DoesNotExist is raised, so "
    "handle it with .get(). And the dict has no reliable order.",
)
def people_by_email() -> dict[str, str]:
    """Returns the names of the people with these addresses. One address does not exist."""
    emails = ["ana@example.com", "mara.lindt@example.com", "nobody@example.com"]
    people = User.objects.in_bulk(emails, field_name="email")
    return {email: people[email].name if email in people else "nobody" for email in emails}
