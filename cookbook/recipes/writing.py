"""Recipes that write many rows in few statements."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.signals import post_save

from cookbook.models import ExchangeRate
from cookbook.recipe import RecipeGroup
from cookbook.runner.parameters import Between
from cookbook.runner.steps import step

GROUP = RecipeGroup("writing", "Writing many rows", "Many rows in few statements.")


@GROUP.recipe(
    "bulk_create(): many rows, one INSERT",
    asks="How do I insert many rows quickly?",
    shows=("bulk_create", "batch_size", "RETURNING", "insert", "create", "executemany"),
    notice="One by one, each row is a statement. All together, one statement sends an array for "
    "each column, and UNNEST makes rows of them. RETURNING brings back an id for every row.",
    pitfall="bulk_create() does not call save() and sends no signals: see the next recipe. Without "
    "a batch_size, a million rows are one statement, which both sides have in memory.",
    writes=True,
)
def rates_of_a_week(days: Annotated[int, Between(1, 20)] = 5) -> dict[str, int]:
    """Inserts rates for some days: euro rates row by row, pound rates in one statement."""
    start = date(2026, 6, 1)
    euro = [
        ExchangeRate(currency="EUR", day=start + timedelta(number), rate=Decimal("1.08"))
        for number in range(days)
    ]
    pound = [ExchangeRate(currency="GBP", day=rate.day, rate=Decimal("1.27")) for rate in euro]
    with step("One by one"):
        for rate in euro:
            rate.save()
    with step("In one statement"):
        made = ExchangeRate.objects.bulk_create(pound, batch_size=1000)
    return {"rows": ExchangeRate.objects.count(), "with an id": len([r for r in made if r.pk])}


@GROUP.recipe(
    "Signals: none from bulk_create(), update()",
    asks="Why is post_save not sent by bulk_create() and update()?",
    shows=("signals", "post_save", "receiver", "bulk_create", "update", "signal"),
    notice="save() sends post_save after its statement. bulk_create() and update() send one "
    "statement for many rows, and no signal. They do not call save() either.",
    pitfall="If a receiver keeps a total, a cache or a search index, these are wrong after the "
    "first bulk_create(), without an error. A rule for all rows belongs into the database: a "
    "trigger also runs for bulk_create(), update(), COPY and psql. QuerySet.delete() does send "
    "pre_delete and post_delete, and reads all rows first if somebody receives them.",
    writes=True,
)
def rates_by_signals() -> dict[str, int]:
    """Writes three rates in three ways, and counts the signals of each."""
    euro, pound, yen = rates = [
        ExchangeRate(currency=currency, day=date(2026, 6, 1), rate=Decimal(rate))
        for currency, rate in [("EUR", "1.10"), ("GBP", "1.30"), ("JPY", "0.01")]
    ]
    received: list[str] = []

    def receive(instance: ExchangeRate, **_signal: Any) -> None:
        if instance in rates:  # other requests save rates too
            received.append(instance.currency)

    def signals_of(title: str, write: Callable[[], Any]) -> int:
        before = len(received)
        with step(title):
            write()
        return len(received) - before

    stored = ExchangeRate.objects.filter(currency="EUR")
    post_save.connect(receive, sender=ExchangeRate)
    try:
        return {
            "save()": signals_of("save()", euro.save),
            "bulk_create()": signals_of(
                "bulk_create()", lambda: ExchangeRate.objects.bulk_create([pound, yen])
            ),
            "update()": signals_of("update()", lambda: stored.update(rate=Decimal("1.20"))),
        }
    finally:
        post_save.disconnect(receive, sender=ExchangeRate)


@GROUP.recipe(
    "bulk_create(ignore_conflicts=True): skip duplicates",
    asks="How do I insert rows and skip duplicates?",
    shows=("ignore_conflicts", "bulk_create", "ON CONFLICT DO NOTHING", "duplicates", "insert"),
    notice="The INSERT has ON CONFLICT DO NOTHING and no RETURNING. The old rate of 1 June stays.",
    pitfall="Every conflict is skipped, on any unique constraint, and you do not learn which rows "
    "were. The objects get no id, not even those that were inserted.",
    writes=True,
)
def add_missing_rates() -> QuerySet[ExchangeRate, Any]:
    """Inserts two rates. One of them exists already, so only the other is added."""
    ExchangeRate.objects.create(currency="EUR", day=date(2026, 6, 1), rate=Decimal("1.08"))
    sent = [
        ExchangeRate(currency="EUR", day=date(2026, 6, 1), rate=Decimal("1.11")),
        ExchangeRate(currency="EUR", day=date(2026, 6, 2), rate=Decimal("1.12")),
    ]
    ExchangeRate.objects.bulk_create(sent, ignore_conflicts=True)
    return ExchangeRate.objects.order_by("day").values("currency", "day", "rate")


@GROUP.recipe(
    "bulk_create(update_conflicts=True): upsert",
    asks="How do I upsert many rows?",
    shows=("update_conflicts", "bulk_create", "upsert", "ON CONFLICT DO UPDATE", "RETURNING"),
    notice='ON CONFLICT("currency", "day") DO UPDATE SET "rate" = EXCLUDED."rate": EXCLUDED is '
    "the row that was sent. unique_fields must be those of a unique constraint.",
    pitfall="The same key twice in one statement fails with 21000, cannot affect row a second "
    "time: remove duplicates first. A row that is only updated uses up an id, too.",
    writes=True,
)
def upsert_rates() -> QuerySet[ExchangeRate, Any]:
    """Inserts two rates. One of them exists and is changed, and the other is added."""
    ExchangeRate.objects.create(currency="EUR", day=date(2026, 6, 1), rate=Decimal("1.08"))
    sent = [
        ExchangeRate(currency="EUR", day=date(2026, 6, 1), rate=Decimal("1.11")),
        ExchangeRate(currency="EUR", day=date(2026, 6, 2), rate=Decimal("1.12")),
    ]
    ExchangeRate.objects.bulk_create(
        sent, update_conflicts=True, unique_fields=["currency", "day"], update_fields=["rate"]
    )
    return ExchangeRate.objects.order_by("day").values("currency", "day", "rate")


@GROUP.recipe(
    "COPY: bulk load",
    asks="How do I load thousands of rows as fast as Postgres can?",
    shows=("COPY", "cursor.copy", "psycopg", "bulk load", "write_row", "import"),
    notice="One COPY sends the rows as a stream, so there is no INSERT to build and to parse. "
    "connection.cursor() is Django's; its copy() is psycopg's.",
    pitfall="It bypasses the ORM: no defaults of the model, no ON CONFLICT, no signals, and tools "
    "that watch Django's queries do not see it. If one row is refused, no row is kept. To upsert, "
    "COPY into a temporary table and INSERT from there.",
    writes=True,
)
def copy_rates(days: Annotated[int, Between(1, 1000)] = 1000) -> dict[str, Any]:
    """Loads daily rates of the yen as a stream of rows."""
    start = date(2023, 10, 5)
    into = "COPY exchange_rates (currency, day, rate) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(into) as copy:
        for number in range(days):
            copy.write_row(("JPY", start + timedelta(number), Decimal("0.0064")))
    yen = ExchangeRate.objects.filter(currency="JPY")
    return {"rows": yen.count(), "the last": yen.latest("day").day}
