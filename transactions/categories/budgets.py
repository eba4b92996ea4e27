"""Saves budgets and computes their amounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db import transaction as db_transaction
from django.utils import timezone

from accounts.models import Account, User
from accounts.refusal_counts import counts_refusals
from ledger.db.retry import with_retry
from ledger.text.currencies import minor_units
from ledger.text.dates import last_of_month, month_name, months_before, short_date, start_of_day
from ledger.text.lines import category_label
from ledger.text.money import money
from transactions.annotations.categories import MAX_OFFERED
from transactions.categories.models import Budget
from transactions.categories.models.budget import id_of
from transactions.exceptions import InvalidDetails
from transactions.search.address import search_url
from transactions.search.language.terms import token

MAX_BUDGETS = 50  # per person
MONTHS, MIN_MONTHS = 6, 3  # the maximum and minimum number of earlier months for the usual amount
TOO_MANY = f"You have {MAX_BUDGETS} budgets. Remove one first."
TAKEN = "You already have a budget for this category and currency. Change that budget."
GONE = "This budget has been changed or removed. Go back to the list."

# Sums the payments from the person's accounts to others, minus the refunds of these payments, by
# category. The category of a payment is the person's own category, or else the transaction's
# category. A refund without a category has the category of the refunded payment. `so_far` is a
# running sum within each month. The months before the first spending are left out.
_SPENT = """
WITH spent AS (
    SELECT (entry.created_at AT TIME ZONE %(zone)s)::date AS day, entry.currency,
           coalesce(own.category, lower(nullif(entry.category, '')), own_of_paid.category,
                    lower(paid.category)) AS category,
           -entry.signed_amount AS amount, entry.reverses_id IS NOT NULL AS is_refund
    FROM entries AS entry
    LEFT JOIN transactions AS paid ON paid.id = entry.reverses_id
    LEFT JOIN LATERAL (
        SELECT category FROM own_categories WHERE owner_id = %(owner)s
        AND transaction_id = entry.transaction_id ORDER BY created_at DESC LIMIT 1
    ) AS own ON true
    LEFT JOIN LATERAL (
        SELECT category FROM own_categories WHERE owner_id = %(owner)s
        AND transaction_id = entry.reverses_id ORDER BY created_at DESC LIMIT 1
    ) AS own_of_paid ON true
    WHERE entry.account_id = ANY (%(accounts)s) AND entry.status = 'completed'
    AND entry.created_at >= %(since)s
    AND (entry.counterparty_id IS NULL OR entry.counterparty_id <> ALL (%(accounts)s))
    AND (entry.direction = 'debit') = (entry.reverses_id IS NULL)
)"""
_IN_USE = f"""{_SPENT}
SELECT category FROM spent WHERE category IS NOT NULL
GROUP BY category ORDER BY max(day) DESC, category LIMIT %(most)s
"""  # noqa: S608 - constants
_BUDGETS = f"""{_SPENT}, daily AS (
    SELECT category, currency, day, sum(amount) AS amount,
           sum(sum(amount)) OVER (
               PARTITION BY category, currency, date_trunc('month', day) ORDER BY day
           ) AS so_far,
           min(min(date_trunc('month', day)::date)) OVER () AS first_month,
           bool_or(is_refund) AS has_refunds
    FROM spent GROUP BY category, currency, day
)
SELECT budget.id, budget.category, budget.currency, budget.amount,
       coalesce(sum(daily.amount) FILTER (WHERE day >= %(month)s), 0) AS spent,
       coalesce(sum(daily.amount) FILTER (WHERE day < %(month)s), 0) AS before,
       (SELECT min(first_month) FROM daily) AS first_month,
       min(day) FILTER (WHERE day >= %(month)s AND so_far > budget.amount) AS over_since,
       count(day) > 0 AS is_used,
       coalesce(bool_or(has_refunds) FILTER (WHERE day >= %(month)s), false) AS has_refunds
FROM budgets AS budget
LEFT JOIN daily ON daily.category = budget.category AND daily.currency = budget.currency
WHERE budget.owner_id = %(owner)s
GROUP BY budget.id
ORDER BY budget.category, budget.currency
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """A budget and the amount spent in this month. `usual` is the mean amount per month over at
    most MONTHS earlier months, or None if there are fewer than MIN_MONTHS earlier months.

    `is_used` is true if a payment in this month or in one of the MONTHS earlier months has the
    category. `has_refunds` is true if `spent` is reduced by refunds.
    """

    id: UUID
    category: str
    currency: str
    amount: Decimal
    spent: Decimal
    usual: Decimal | None
    over_since: date | None
    is_used: bool
    has_refunds: bool
    today: date

    @property
    def label(self) -> str:
        return category_label(self.category)

    @property
    def left(self) -> Decimal:
        """The amount that is left of the budget. It is negative if more was spent."""
        return self.amount - self.spent

    @property
    def came_back(self) -> Decimal:
        """The sum of refunds minus the sum of payments, or zero if the payments are larger."""
        return max(-self.spent, Decimal(0))

    @property
    def is_over(self) -> bool:
        return self.left < 0

    @property
    def figure(self) -> str:
        """The amount as text: "5.00 USD left" or "5.00 USD over"."""
        amount = money(abs(self.left), self.currency)
        return f"{amount} over" if self.is_over else f"{amount} left"

    @property
    def share(self) -> int:
        """The percentage of the budget that is spent, from 0 to 100."""
        return int(min(max(self.spent / self.amount, Decimal(0)), Decimal(1)) * 100)

    @property
    def gone_on(self) -> date | None:
        """The day on which the budget is used up if the person continues to spend at the same rate.
        None if the budget lasts until the end of the month, or if the budget is already used up.
        """
        if self.spent <= 0 or self.left <= 0:
            return None
        days = (self.left * self.today.day / self.spent).to_integral_value(ROUND_CEILING)
        day = self.today + timedelta(days=min(int(days), 32))
        return day if day <= last_of_month(self.today) else None

    @property
    def forecast(self) -> str:
        """The forecast for this month, as text."""
        if not self.is_used:
            since = month_name(first_month(self.today))
            return (
                f"You have spent no {self.currency} in this category since {since}. Check that "
                "the category is spelled as on your payments, and that the payments are in "
                "this currency."
            )
        if self.is_over:
            return (
                f"You have been over this budget since {short_date(self.over_since)}."
                if self.over_since
                else "Over."
            )
        if not self.left:
            return "This budget is fully spent."
        if self.gone_on:
            return f"At this pace, this budget is fully spent on {short_date(self.gone_on)}."
        return "At this pace, this budget lasts until the end of the month."

    @property
    def usually(self) -> str:
        """The usual amount as text, or "" if the usual amount is not known."""
        return (
            f"Usual spending: {money(self.usual, self.currency)}." if self.usual is not None else ""
        )

    @property
    def url(self) -> str:
        """The URL of a search for the payments and refunds that count towards the budget this
        month. The search does not find holds, only the payments that capture holds.
        """
        rest = f"currency:{self.currency} is:booked date:{self.today:%Y-%m}"
        query = f"{token('category', self.category)} is:out -is:refund {rest}"
        if self.has_refunds:
            query += f" or {token('refunds', self.category)} is:in {rest}"
        return search_url(query)


def budget_lines(owner: User, today: date | None = None) -> list[BudgetLine]:
    """Returns a person's budgets with the amounts of this month, ordered by category. Sends two
    queries.
    """
    here = today or timezone.localdate()
    with connection.cursor() as cursor:
        cursor.execute(_BUDGETS, _parameters(owner, here))
        return [_line(row, here) for row in cursor.fetchall()]


def categories_in_use(owner: User, today: date | None = None) -> list[str]:
    """Returns the categories in which a person has spent money since `first_month`. The most
    recently used category comes first. Sends two queries.
    """
    with connection.cursor() as cursor:
        parameters = _parameters(owner, today or timezone.localdate())
        cursor.execute(_IN_USE, parameters | {"most": MAX_OFFERED})
        return [category for (category,) in cursor.fetchall()]


def first_month(today: date) -> date:
    """Returns the first day of the month that is MONTHS months before the month of `today`."""
    return months_before(today.replace(day=1), MONTHS)


def _parameters(owner: User, today: date) -> dict[str, Any]:
    accounts: Sequence[UUID] = list(Account.objects.owned_by(owner).values_list("pk", flat=True))
    return {
        "owner": owner.pk, "accounts": accounts, "zone": settings.TIME_ZONE,
        "month": today.replace(day=1), "since": start_of_day(first_month(today)),
    }  # fmt: skip


def _line(row: tuple[Any, ...], today: date) -> BudgetLine:
    *facts, spent, before, first, over_since, is_used, has_refunds = row
    pk, category, currency, amount = facts
    months = (today.year - first.year) * 12 + today.month - first.month if first else 0
    usual = None
    if months >= MIN_MONTHS:
        usual = (before / months).quantize(Decimal(1).scaleb(-minor_units(currency)))
    return BudgetLine(
        pk, category, currency, amount, spent, usual, over_since, is_used, has_refunds, today
    )


@counts_refusals
@with_retry
def save_budget(
    *, owner: User, category: str, currency: str, amount: Decimal, budget: Budget | None = None
) -> Budget:
    """Saves a new budget, or changes `budget`. Returns the saved budget.

    Raises InvalidDetails if there are already MAX_BUDGETS budgets, if another budget has this
    category and currency, or if `budget` was removed or replaced in the meantime.
    """
    with db_transaction.atomic(durable=True):
        User.objects.lock_active(owner.pk)
        mine, pk = Budget.objects.owned_by(owner), id_of(owner, category, currency)
        if (budget is None or budget.pk != pk) and mine.filter(pk=pk).exists():
            raise InvalidDetails(TAKEN)
        if budget is not None:
            deleted, _by_table = mine.filter(pk=budget.pk).delete()
            if not deleted:
                raise InvalidDetails(GONE)
        elif mine.count() >= MAX_BUDGETS:
            raise InvalidDetails(TOO_MANY)
        return Budget.objects.create(
            pk=pk, owner=owner, category=category, currency=currency, amount=amount
        )


@with_retry
def remove_budget(*, budget: Budget) -> None:
    """Removes a budget. Does nothing if the budget no longer exists."""
    with db_transaction.atomic(durable=True):
        Budget.objects.filter(pk=budget.pk).delete()
