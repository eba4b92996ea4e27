"""Recipes that update many rows, and recipes about RETURNING."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import DatabaseError, connection
from django.db import transaction as db_transaction
from django.db.models import Case, F, QuerySet, Value, When
from django.db.models.functions import Round

from accounts.models import Account, User
from cookbook.models import ExchangeRate, Jar
from cookbook.recipes.writing import GROUP
from cookbook.runner.steps import step
from transactions.models import Transaction


@GROUP.recipe(
    "bulk_update(): another value for each row",
    asks="How do I update many objects with different values in one query?",
    shows=("bulk_update", "update", "CASE", "WHEN", "F", "save"),
    notice="bulk_update() sends one UPDATE with a CASE that has one WHEN for each row. Where the "
    "new value follows from the old one, update() with F() does the same in a line, and loads no "
    "rows.",
    pitfall="The CASE grows with the rows, and each row is compared with each WHEN: give a "
    "batch_size of a few hundred. It writes values that Python read earlier, so it can lose an "
    "update.",
    writes=True,
)
def raise_rates() -> QuerySet[ExchangeRate, Any]:
    """Raises three rates by a tenth with bulk_update(), and then again with update()."""
    day = date(2026, 6, 1)
    rates = ExchangeRate.objects.bulk_create(
        ExchangeRate(currency=currency, day=day, rate=Decimal(rate))
        for currency, rate in [("EUR", "1.10"), ("GBP", "1.30"), ("JPY", "0.01")]
    )
    for quoted in rates:
        quoted.rate *= Decimal("1.1")
    with step("bulk_update: values from Python"):
        ExchangeRate.objects.bulk_update(rates, ["rate"], batch_size=500)
    with step("update with F: values from the row"):
        ExchangeRate.objects.update(rate=F("rate") * Decimal("1.1"))
    return ExchangeRate.objects.order_by("currency").values("currency", "rate")


@GROUP.recipe(
    "Case and When: a conditional UPDATE",
    asks="How do I update rows differently depending on their values?",
    shows=("Case", "When", "F", "update", "CASE WHEN", "conditional update", "Value"),
    notice="The SET has a CASE WHEN … THEN … ELSE, in which the first WHEN that matches decides. "
    "Postgres calculates the new limit from each row's own balance.",
    pitfall="Without a default, a row that matches no When gets NULL. Two updates one after the "
    "other are not the same: the second sees the changes of the first.",
    writes=True,
)
def limits_by_balance() -> QuerySet[Account, Any]:
    """Sets the daily limit of each Everyday account in dollars, depending on its balance."""
    dollars = Account.objects.filter(currency="USD", name="Everyday")
    dollars.update(
        daily_limit=Case(
            When(balance__lt=0, then=Value(Decimal(100))),
            When(balance__gte=10_000, then=Value(Decimal(1000))),
            default=Round(F("balance") / 10, precision=2),
        )
    )
    return dollars.order_by("balance").values("user__name", "balance", "daily_limit")


@GROUP.recipe(
    "F() and save(): added twice",
    asks="Why does a second save() add the amount again?",
    shows=("save", "F", "refresh_from_db", "increment", "counter"),
    notice="On Django 5.2 both save() calls send SET coins = coins + 10. The attribute holds the "
    "expression, not a number, and each save() sends it again, until refresh_from_db(). From 6.0 "
    "on, save() reads the number back, so the second one sends that.",
    pitfall="Nothing warns: a later save() in the same request adds the amount again. update() "
    "with F() sets no attribute, so nothing is sent twice.",
    writes=True,
)
def add_to_a_jar() -> dict[str, int]:
    """Adds 10 coins to a jar with 100 by F(), and then saves the jar again with a new name."""
    jar = Jar.objects.create(name="rent", coins=100)
    jar.coins = F("coins") + 10
    jar.save()
    jar.name = "rent and heating"
    jar.save()
    jar.refresh_from_db()
    return {"should be": 110, "is": jar.coins}


@GROUP.recipe(
    "INSERT … RETURNING: generated values after create()",
    asks="How do I get generated columns and defaults after an insert?",
    shows=("RETURNING", "create", "GeneratedField", "insert", "update", "refresh_from_db"),
    notice='INSERT … RETURNING "accounts"."available": the generated column is read without '
    "another query. The UPDATE of save() returns nothing in Django 5.2.",
    pitfall="In Django 5.2 only an INSERT reads the generated column back: after save() of a "
    "changed row the object still has the old figure, until refresh_from_db(). Django 6.0 reads it "
    "after an UPDATE too.",
    writes=True,
)
def account_with_overdraft() -> dict[str, Decimal]:
    """Returns a new account's available money before and after its overdraft is raised."""
    ana = User.objects.get(email="ana@example.com")
    opened = datetime(2026, 6, 30, tzinfo=UTC)
    account = Account.objects.create(
        user=ana,
        number="1000000001",
        currency="USD",
        overdraft_limit=Decimal(300),
        created_at=opened,
    )
    returned = account.available
    account.overdraft_limit = Decimal(500)
    account.save(update_fields=["overdraft_limit"])
    after_save = account.available
    account.refresh_from_db()
    return {"returned": returned, "after save()": after_save, "read again": account.available}


@GROUP.recipe(
    "UPDATE … RETURNING: change and read",
    asks="How do I update rows and get them back in one query (UPDATE … RETURNING)?",
    shows=("RETURNING", "raw", "UPDATE RETURNING", "update", "Manager.raw"),
    notice="One statement changes and reads. Manager.raw() makes objects of the rows of any "
    "statement, also of an UPDATE.",
    pitfall="raw() is lazy: until the rows are read, nothing is sent and nothing is changed. "
    "RETURNING has no order.",
    writes=True,
)
def raise_and_read() -> list[tuple[str, Decimal]]:
    """Raises the rates of two currencies by a tenth, and returns the new rates."""
    for currency, rate in [("EUR", "1.10"), ("JPY", "0.01")]:
        ExchangeRate.objects.create(currency=currency, day=date(2026, 6, 1), rate=Decimal(rate))
    changed = ExchangeRate.objects.raw(
        "UPDATE exchange_rates SET rate = rate * 1.1 WHERE day = %s RETURNING *",
        [date(2026, 6, 1)],
    )
    return sorted((rate.currency, rate.rate) for rate in changed)


@GROUP.recipe(
    "RETURNING old and new (Postgres 18)",
    asks="How do I see the old and the new value of an updated row?",
    shows=("RETURNING", "old", "new", "UPDATE RETURNING", "Postgres 18"),
    notice="From Postgres 18 on, RETURNING can name the old and the new values: no SELECT before "
    "the UPDATE is needed, so no other session can change the row in between.",
    pitfall="Before 18, RETURNING gives the new values only. A SELECT before the UPDATE, without "
    "FOR UPDATE, may return a value that another session changes in between.",
    writes=True,
    postgres=180_000,
)
def before_and_after() -> list[tuple[Any, ...]]:
    """Raises a rate by a tenth, and returns its old and its new value."""
    ExchangeRate.objects.create(currency="EUR", day=date(2026, 6, 1), rate=Decimal("1.10"))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE exchange_rates SET rate = rate * 1.1"
            " RETURNING currency, old.rate AS before, new.rate AS after"
        )
        return cursor.fetchall()


def constraint_that_refuses(attempt: Callable[[], object]) -> str:
    try:
        with db_transaction.atomic():
            attempt()
    except DatabaseError as error:
        return str(error).partition("\n")[0]
    return "It was done."


@GROUP.recipe(
    "bulk_create() and triggers: still refused",
    asks="Do bulk_create() and update() skip the triggers of the database?",
    shows=("bulk_create", "update", "trigger", "savepoint", "constraint", "DatabaseError"),
    notice="bulk_create() skips save() and signals, but not the triggers of the table: one of them "
    "finds that the row does not continue its account's chain of balances, and refuses the whole "
    "statement. update() of a posted row is refused as well.",
    pitfall="A rule in save() is skipped by the first bulk_create(); one in the database applies "
    "to COPY and psql too. After a refusal the transaction has failed: atomic() around the "
    "attempt is the savepoint that keeps what was done before.",
    writes=True,
)
def refused_by_the_books() -> dict[str, str]:
    """Tries to insert a deposit with a wrong balance, and to change a posted deposit."""
    posted = Transaction.objects.filter(currency="USD", type="deposit").latest("created_at")
    forged = Transaction(
        to_account_id=posted.to_account_id,
        amount=1000,
        currency="USD",
        type="deposit",
        status="completed",
        to_balance=1_000_000,
        created_at=posted.created_at + timedelta(seconds=1),
    )
    one = Transaction.objects.filter(pk=posted.pk)
    return {
        "bulk_create": constraint_that_refuses(lambda: Transaction.objects.bulk_create([forged])),
        "update": constraint_that_refuses(lambda: one.update(amount=1)),
    }
