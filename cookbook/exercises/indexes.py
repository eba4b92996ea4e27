"""The part of the learning path about indexes: the plan of an answer must use an index."""

from datetime import UTC, date, datetime
from typing import Any

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import QuerySet
from django.db.models.functions import Lower

from cookbook.exercises.exercise import PathPart
from cookbook.models import Visit, Voucher
from transactions.models import Transaction

PART = PathPart(
    "indexes",
    "Indexes",
    "Each answer must return the right rows, and its plan must use the index that the question "
    "names.",
    (
        "plan-of-a-page", "vouchers-by-functional-index", "unspent-by-partial-index",
        "worth-by-covering-index", "week-by-brin", "visit-by-hash-index",
        "visits-by-gist-index", "visits-by-sp-gist-index", "same-rows-with-and-without-gin",
    ),
)  # fmt: skip


@PART.exercise(
    "An index on an expression",
    asks="Which vouchers belong to guest7@example.com? The address was typed in upper and lower "
    "case. Return the column code. The plan must use the index vouchers_email_lower.",
    uses=(Voucher,),
    hints=(
        "The index contains lower(email), not email.",
        "A condition can use the index if it contains the same expression.",
        "WHERE lower(email) = …",
    ),
    recipes=("vouchers-by-functional-index", "vouchers-by-custom-lookup"),
    index="vouchers_email_lower",
    note="email__iexact would compare upper(email), and could not use this index.",
)
def vouchers_of_a_guest() -> QuerySet[Voucher, Any]:
    vouchers = Voucher.objects.alias(address=Lower("email"))
    return vouchers.filter(address="guest7@example.com").values("code")


@PART.exercise(
    "A partial index",
    asks="Which vouchers that were sold in March 2026 are unspent? Return the columns code and "
    "sold_on. The plan must use the index vouchers_unspent.",
    uses=(Voucher,),
    hints=(
        "The index contains only the rows WHERE spent = 0, ordered by sold_on.",
        "Postgres uses a partial index only if your condition implies the condition of the index.",
        "WHERE spent = 0 AND sold_on BETWEEN … AND …",
    ),
    recipes=("unspent-by-partial-index", "week-by-brin"),
    index="vouchers_unspent",
    note='"left" = worth finds the same rows, and does not imply spent = 0 for Postgres. The name '
    "needs quotes, because left is also a keyword of SQL.",
)
def unspent_vouchers_of_march() -> QuerySet[Voucher, Any]:
    march = (date(2026, 3, 1), date(2026, 3, 31))
    return Voucher.objects.filter(spent=0, sold_on__range=march).values("code", "sold_on")


@PART.exercise(
    "A covering index",
    asks="What are the vouchers from GIFT-00700 to GIFT-00705 worth? Return the columns code and "
    "worth. The plan must have an Index Only Scan on vouchers_code_worth.",
    uses=(Voucher,),
    hints=(
        "The index is on code, and INCLUDE (worth) adds a second column to it.",
        "Postgres reads the table if the query needs any column that is not in the index.",
        "WHERE code BETWEEN … AND …",
    ),
    recipes=("worth-by-covering-index",),
    index="vouchers_code_worth",
    is_index_only=True,
)
def worth_of_six_vouchers() -> QuerySet[Voucher, Any]:
    return Voucher.objects.filter(code__range=("GIFT-00700", "GIFT-00705")).values("code", "worth")


@PART.exercise(
    "An index on ranges",
    asks="Which visits to cash machines went on at some time between 09:00 and 09:30 (UTC) on 3 "
    "June 2026? Return the columns machine and amount. The plan must use the index visits_during.",
    uses=(Visit,),
    hints=(
        "The column during is a range of times. Two ranges have a time in common if they overlap.",
        "The operator for overlap is &&.",
        "during && tstzrange('2026-06-03 09:00+00', '2026-06-03 09:30+00')",
    ),
    recipes=("visits-by-gist-index", "visit-by-hash-index"),
    index="visits_during",
    note="lower(during) < … AND upper(during) > … finds the same rows and cannot use the index.",
)
def visits_of_half_an_hour() -> QuerySet[Visit, Any]:
    half_hour = DateTimeTZRange(
        datetime(2026, 6, 3, 9, 0, tzinfo=UTC), datetime(2026, 6, 3, 9, 30, tzinfo=UTC)
    )
    return Visit.objects.filter(during__overlap=half_hour).values("machine", "amount")


@PART.exercise(
    "An index on JSON",
    asks="Which payments went to the merchant Gaivota Air? The name is in the metadata, as in "
    '{"merchant": {"name": "Gaivota Air"}}. Return the columns value_date and amount. The plan '
    "must use the index transactions_metadata.",
    uses=(Transaction,),
    hints=(
        "The index is a GIN index with the operator class jsonb_path_ops.",
        "It supports @> (contains), and no comparison of a single key.",
        'metadata @> \'{"merchant": {"name": …}}\'',
    ),
    recipes=("same-rows-with-and-without-gin", "payments-to-merchant-contains"),
    index="transactions_metadata",
)
def payments_to_an_airline() -> QuerySet[Transaction, Any]:
    contained = {"merchant": {"name": "Gaivota Air"}}
    found = Transaction.objects.filter(metadata__contains=contained)
    return found.values("value_date", "amount")
