"""Sums the spending by category, and finds the customers who spent most."""

from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Case, F, OuterRef, Q, QuerySet, Subquery, Sum, TextField, Value, When
from django.db.models.functions import Coalesce

from accounts.models import MoneyField
from ledger.text.dates import end_of_day, last_of_month, months_before, start_of_day
from transactions.annotations.categories import category_or_none
from transactions.models import Transaction
from transactions.reports.queries.frames import OverGroups, SumOfSums
from transactions.reports.queries.raw import rows_as_dicts
from transactions.scope import Scope

ZERO = Value(Decimal(0), MoneyField())
PUT_ASIDE = "savings"  # the category of money that a person saves, possibly at another bank
TOP = 20  # number of customers in `top_spenders`, or more if customers share the last rank

# PAID: outgoing payments that are not refunds. GIVEN_BACK: received refunds.
PAID = Q(direction="debit", reverses__isnull=True)
GIVEN_BACK = Q(direction="credit", reverses__isnull=False)


def spending_by_category(
    scope: Scope, *, currency: str, since: date, until: date
) -> QuerySet[Any, Any]:
    """Returns a queryset with one row for each category. The highest `net` comes first.

    `spent_on`: the category in lower case, or None for payments without a category.
    `spent`: the sum of the payments in the period.
    `given_back`: the sum of the refunds in the period, or None if there are no refunds.
    `net`: `spent` minus the refunds.
    `before`: the net amount of the earlier period that `days_before` returns.
    `change`: `net` minus `before`.
    `whole`: the sum of `net` over all categories.
    `share`: `net` divided by `whole`, or None if `whole` is not positive.

    A refund belongs to the category of the refunded payment. If the scope contains only the
    reader's own money, the categories that the reader assigned replace the bank's categories.
    Payments in PUT_ASIDE are not included. One query reads both periods, because each sum has its
    own FILTER.
    """
    now = _booked(since, until)
    then = _booked(*days_before(since, until))
    original = Transaction.objects.filter(pk=OuterRef("reverses"))
    theirs = Subquery(original.values(paid_for=category_or_none(scope.own_reader)))
    own = category_or_none(scope.own_reader, "transaction_id")
    category = Coalesce(own, theirs, output_field=TextField())
    return (
        scope.flows(currency)
        .filter(PAID | GIVEN_BACK, now | then)
        .annotate(spent_on=category)
        .filter(Q(spent_on__isnull=True) | ~Q(spent_on=PUT_ASIDE))
        .values("spent_on")
        .annotate(
            spent=Sum("amount", filter=now & PAID, default=ZERO),
            given_back=Sum("amount", filter=now & GIVEN_BACK),
            net=Sum(-F("signed_amount"), filter=now, default=ZERO),
            before=Sum(-F("signed_amount"), filter=then, default=ZERO),
        )
        .annotate(change=F("net") - F("before"), whole=OverGroups(SumOfSums("net")))
        .annotate(share=Case(When(whole__gt=0, then=F("net") / F("whole"))))
        .order_by("-net", "spent_on")
    )


def days_before(since: date, until: date) -> tuple[date, date]:
    """Returns the first and last day of the period before the period from `since` to `until`.

    If `since` is the first day of a month, the result has the same days of earlier months: 1 to 20
    October for 1 to 20 November, and the whole of February for the whole of March. Otherwise, the
    result ends on the day before `since` and has the same number of days.
    """
    if since.day != 1:
        return since - (until - since) - timedelta(days=1), since - timedelta(days=1)
    months = (until.year - since.year) * 12 + until.month - since.month + 1
    if until == last_of_month(until):
        return months_before(since, months), since - timedelta(days=1)
    return months_before(since, months), months_before(until, months)


def _booked(since: date, until: date) -> Q:
    return Q(created_at__gte=start_of_day(since), created_at__lt=end_of_day(until))


def top_spenders(scope: Scope, *, currency: str, since: date, until: date) -> list[dict[str, Any]]:
    """Returns one row for each of the customers who spent most. The highest `net` comes first.

    `holder`: the customer's id.
    `person`: the customer's name if the scope shows names, otherwise the last digits of the
    customer's oldest account in the currency.
    `spent`: the sum of the customer's payments to others.
    `given_back`: the sum of the customer's refunds.
    `net`: `spent` minus `given_back`.
    `average`: the mean payment.
    `largest`: the amount of the largest payment.
    `ids`: the ids of the three largest payments.

    Transfers between a customer's own accounts and payments in PUT_ASIDE are not included.

    This is raw SQL, because the ORM does not support two features. LATERAL reads the largest
    payments of only these customers. WITH TIES also includes every customer with the same `net` as
    the last customer.

    Raises: ValueError if the scope is not the whole bank.
    """
    if not scope.is_bank:
        raise ValueError("Only the whole bank has top spenders.")
    with closing(connection.cursor()) as cursor:
        cursor.execute(
            TOP_SPENDERS,
            {
                "currency": currency,
                "start": start_of_day(since),
                "end": end_of_day(until),
                "top": TOP,
                "names": scope.shows_names,
                "put_aside": PUT_ASIDE,
            },
        )
        return rows_as_dicts(cursor)


TOP_SPENDERS = """
WITH spending AS (
    SELECT mine.user_id, mine.id AS account_id, moved.transaction_id, moved.signed_amount
    FROM entries AS moved
    JOIN accounts AS mine ON mine.id = moved.account_id
    LEFT JOIN accounts AS other ON other.id = moved.counterparty_id
    LEFT JOIN transactions AS paid ON paid.id = moved.reverses_id
    WHERE moved.status = 'completed' AND moved.currency = %(currency)s
      AND moved.created_at >= %(start)s AND moved.created_at < %(end)s
      AND (moved.direction = 'debit') = (moved.reverses_id IS NULL)
      AND other.user_id IS DISTINCT FROM mine.user_id
      AND lower(CASE WHEN moved.reverses_id IS NULL THEN moved.category ELSE paid.category END)
          IS DISTINCT FROM %(put_aside)s
), top AS (
    SELECT user_id, -sum(signed_amount) AS net,
           -sum(signed_amount) FILTER (WHERE signed_amount < 0) AS spent,
           sum(signed_amount) FILTER (WHERE signed_amount > 0) AS given_back,
           count(*) FILTER (WHERE signed_amount < 0) AS payments,
           avg(-signed_amount) FILTER (WHERE signed_amount < 0) AS average
    FROM spending
    GROUP BY user_id
    HAVING sum(signed_amount) < 0
    ORDER BY net DESC
    FETCH FIRST %(top)s ROWS WITH TIES
)
SELECT rank() OVER (ORDER BY top.net DESC) AS place, top.user_id AS holder,
       CASE WHEN %(names)s THEN coalesce(nullif(users.name, ''), users.email)
            ELSE 'Holder of ··' || right(first.number, 4) END AS person,
       top.spent, top.given_back, top.net, top.payments, top.average,
       largest.amounts[1] AS largest, largest.ids
FROM top
JOIN users ON users.id = top.user_id
CROSS JOIN LATERAL (
    SELECT number FROM accounts
    WHERE accounts.user_id = top.user_id AND accounts.currency = %(currency)s
    ORDER BY created_at, id LIMIT 1
) AS first
CROSS JOIN LATERAL (
    SELECT array_agg(amount ORDER BY amount DESC, id) AS amounts,
           array_agg(id ORDER BY amount DESC, id) AS ids
    FROM (
        SELECT -signed_amount AS amount, transaction_id AS id FROM spending
        WHERE spending.user_id = top.user_id AND signed_amount < 0
        ORDER BY signed_amount, transaction_id LIMIT 3
    ) AS three
) AS largest
ORDER BY top.net DESC, person
"""
