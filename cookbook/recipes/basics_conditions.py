"""Recipes about conditions: comparisons, texts, NULL, Q, exclude() and dates."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Account, User
from cookbook.recipes.basics import GROUP
from cookbook.runner.parameters import Between
from cookbook.runner.steps import step
from transactions.models import Transaction


@GROUP.recipe(
    "gt, gte, lt, lte, range: compare numbers",
    asks="How do I filter by greater than, less than or between?",
    shows=("filter", "gt", "gte", "lt", "lte", "range", "exact", "between", "comparison"),
    notice="range is BETWEEN, which includes both ends. A lookup without a name is exact.",
    pitfall="A range over timestamps with two dates as its ends leaves out the last day: its end "
    "is midnight at the start of that day. Use gte and lt.",
)
def rents_by_size(amount: Decimal = Decimal(950)) -> dict[str, int]:
    """Counts the rent payments in dollars that are above, below or equal to an amount."""
    rents = Transaction.objects.filter(category="rent", currency="USD")
    return {
        "exact": rents.filter(amount__exact=amount).count(),
        "lt": rents.filter(amount__lt=amount).count(),
        "lte": rents.filter(amount__lte=amount).count(),
        "gt": rents.filter(amount__gt=amount).count(),
        "gte": rents.filter(amount__gte=amount).count(),
        "range": rents.filter(amount__range=(amount, amount + 100)).count(),
    }


@GROUP.recipe(
    "contains, startswith, regex: part of a text",
    asks="How do I search for part of a text, whatever its case?",
    shows=(
        "iexact",
        "contains",
        "icontains",
        "startswith",
        "istartswith",
        "endswith",
        "iendswith",
        "regex",
        "iregex",
        "LIKE",
        "ILIKE",
        "case-insensitive",
    ),
    notice="contains, startswith and endswith are LIKE; those that begin with i compare UPPER() "
    "of both sides, so ANA finds Ana: Django sends no ILIKE. A % or _ in the text is escaped and "
    "matches itself. regex is ~, and iregex is ~*.",
    pitfall="LIKE with a leading % reads every row, and UPPER() cannot use a plain index on the "
    "column. For many rows use full-text search or a trigram index; for words with "
    "slips, TrigramSimilarity of django.contrib.postgres.search, or TrigramWordSimilarity, which "
    "looks for them in a longer text.",
)
def names_by_text(text: str = "an") -> list[tuple[str, int]]:
    """Counts, for each lookup, the people whose name matches the text."""
    people = User.objects.all()
    return [
        ("iexact", people.filter(name__iexact=text).count()),
        ("contains", people.filter(name__contains=text).count()),
        ("icontains", people.filter(name__icontains=text).count()),
        ("startswith", people.filter(name__startswith=text).count()),
        ("istartswith", people.filter(name__istartswith=text).count()),
        ("endswith", people.filter(name__endswith=text).count()),
        ("iendswith", people.filter(name__iendswith=text).count()),
        ("regex, a name of two words", people.filter(name__regex=r"^\S+ \S+$").count()),
        ("iregex, begins with A, E or I", people.filter(name__iregex="^[aei]").count()),
    ]


@GROUP.recipe(
    "in and isnull: a list of values, or NULL",
    asks="How do I filter by a list of values, or by NULL?",
    shows=("in", "isnull", "NULL", "IS NULL", "exclude", "list of values"),
    notice="None in the list is dropped: Django sends IN (2500). filter(daily_limit__lte=2500) "
    "counts one account. exclude(daily_limit__gt=2500) counts all accounts: Django adds AND "
    "daily_limit IS NOT NULL inside the NOT, so accounts without a limit are kept.",
    pitfall="filter(lte) and exclude(gt) give the same rows only where the column is never NULL. "
    "Plain SQL differs: NOT (daily_limit > 2500) is NULL for NULL, and drops those rows too.",
)
def daily_limits() -> dict[str, int]:
    """Counts the accounts that meet conditions on the daily limit. Most have no limit."""
    accounts = Account.objects.all()
    return {
        "without a limit": accounts.filter(daily_limit__isnull=True).count(),
        "with one": accounts.filter(daily_limit__isnull=False).count(),
        "in (2500, None)": accounts.filter(daily_limit__in=[Decimal(2500), None]).count(),
        "filter: at most 2500": accounts.filter(daily_limit__lte=2500).count(),
        "exclude: above 2500": accounts.exclude(daily_limit__gt=2500).count(),
    }


@GROUP.recipe(
    "Q objects: OR, AND and NOT",
    asks="How do I combine conditions with OR, AND and NOT?",
    shows=(
        "Q",
        "negation",
        "filter",
        "OR",
        "AND",
        "NOT",
        "or condition",
        "order_by",
        "slicing",
        "!=",
        "not equal",
    ),
    notice="| is OR, & is AND, ~ is NOT; SQL has the brackets of the Python expression. There is "
    "no lookup for !=: it is exclude(), or ~Q.",
    pitfall="Chained filter() calls are AND. Python's or, and, not do not work on Q: Q(…) or "
    "Q(…) is simply the first of the two.",
)
def rent_or_large(least: Decimal = Decimal(3000)) -> QuerySet[Transaction]:
    """Returns payments in dollars that are rent or large, but not deposits or salaries."""
    rent_or_large = Q(category="rent") | Q(amount__gte=least)
    going_out = ~Q(type="deposit") & ~Q(category__in=["salary", "wages"])
    return Transaction.objects.filter(rent_or_large & going_out, currency="USD").order_by(
        "-amount", "created_at"
    )[:10]


@GROUP.recipe(
    "exclude(pk__in=…): the NULL in NOT IN",
    asks="Why does exclude(pk__in=…) find nothing?",
    shows=("exclude", "in", "negation", "Exists", "OuterRef", "NOT IN", "NULL", "subquery"),
    notice="A deposit has no sender, so the list contains a NULL. NOT IN with a NULL is never "
    "true, so it finds no account. NOT EXISTS checks each account separately, and finds 7.",
    pitfall="From the day when the first NULL is written, the query finds no rows, without an "
    "error or a warning. Filter NULLs out of the subquery, or use ~Exists.",
)
def accounts_that_never_paid() -> dict[str, int]:
    """Counts the accounts that have never sent a payment."""
    payments = Transaction.objects.all()
    senders = payments.filter(from_account__isnull=False).values("from_account")
    paid = payments.filter(from_account=OuterRef("pk"))
    return {
        "NOT IN, with NULLs": Account.objects.exclude(
            pk__in=payments.values("from_account")
        ).count(),
        "NOT IN, without": Account.objects.exclude(pk__in=senders).count(),
        "NOT EXISTS": Account.objects.filter(~Exists(paid)).count(),
    }


@GROUP.recipe(
    "exclude() over a relation: two conditions",
    asks="Why does exclude() over a relation leave out too much?",
    shows=("exclude", "negation", "filter", "Exists", "OuterRef", "multi-valued relation"),
    notice="exclude() makes one EXISTS for each condition: some payment in a restaurant, and some "
    "payment above the amount, which may be another payment. ~Exists checks for one payment that "
    "meets both conditions.",
    pitfall="In one filter() both conditions must hold for the same payment, so one expects the "
    "same of exclude(). But exclude() checks each condition separately, and leaves out rows that "
    "it should keep.",
)
def no_large_dinner(most: Decimal = Decimal(100)) -> dict[str, int]:
    """Counts the accounts that never paid more than an amount in a restaurant, in two ways."""
    with step("exclude() over the relation"):
        excluded = Account.objects.exclude(
            sent__category="restaurant", sent__amount__gt=most
        ).count()
    with step("~Exists of one such payment"):
        dinner = Transaction.objects.filter(
            from_account=OuterRef("pk"), category="restaurant", amount__gt=most
        )
        right = Account.objects.filter(~Exists(dinner)).count()
    return {"exclude()": excluded, "~Exists": right}


@GROUP.recipe(
    "__date, __month, __year: filter by date",
    asks="How do I filter by date, month or year of a timestamp?",
    shows=(
        "date",
        "year",
        "month",
        "gte",
        "lt",
        "filter",
        "time zone",
        "timezone",
        "TruncDate",
        "ExtractYear",
        "last 30 days",
    ),
    notice="date is the expression TruncDate, and year and month are ExtractYear and ExtractMonth. "
    "year becomes BETWEEN its first and last moment, which can use an index on the column. date "
    "and month wrap the column in a cast and in EXTRACT, both in the current time zone.",
    pitfall="Only month matches that month of every year; the last 30 days are "
    "created_at__gte=timezone.now() - timedelta(days=30). And a day in another time zone is a "
    "different 24 hours: activate the reader's time zone first.",
)
def payments_by_day(day: date = date(2026, 3, 14)) -> dict[str, int]:
    """Counts the transactions on a day, in its month and in its year."""
    payments = Transaction.objects.filter(status="completed")
    return {
        "that day": payments.filter(created_at__date=day).count(),
        "that month": payments.filter(
            created_at__year=day.year, created_at__month=day.month
        ).count(),
        "that year": payments.filter(created_at__year=day.year).count(),
    }


@GROUP.recipe(
    "__hour, __week_day, __quarter: filter by time",
    asks="How do I filter by the hour, the day of the week, the week or the quarter?",
    shows=(
        "hour",
        "day",
        "week_day",
        "week",
        "quarter",
        "weekday",
        "EXTRACT",
        "time of day",
        "time",
        "minute",
        "second",
        "iso_week_day",
        "iso_year",
    ),
    notice="Each lookup becomes an EXTRACT from the time in the current time zone. week_day is "
    "EXTRACT(DOW …) + 1, so that Sunday is 1 and Saturday is 7. iso_week_day is 1 on Monday and 7 "
    "on Sunday. week is the week of the iso_year, which begins on a Monday.",
    pitfall="The first days of January can be in week 52 or 53 of the year before: filter by "
    "week together with iso_year, not with year.",
)
def payments_by_the_clock(hour: Annotated[int, Between(0, 23)] = 13) -> dict[str, int]:
    """Counts the transactions by parts of their time, such as the hour or the weekday."""
    payments = Transaction.objects.filter(status="completed")
    return {
        "in that hour of the day": payments.filter(created_at__hour=hour).count(),
        "on a Sunday": payments.filter(created_at__week_day=1).count(),
        "on a 29th": payments.filter(created_at__day=29).count(),
        "at a weekend": payments.filter(created_at__iso_week_day__gte=6).count(),
        "at a full hour": payments.filter(created_at__minute=0, created_at__second=0).count(),
        "in week 24": payments.filter(created_at__iso_year=2026, created_at__week=24).count(),
        "in the second quarter": payments.filter(created_at__quarter=2).count(),
    }


@GROUP.recipe(
    "gte and lt, not __date: use the index",
    asks="Why is a filter by date slow although the column has an index?",
    shows=("date", "gte", "lt", "filter", "index", "slow", "Index Cond"),
    notice="In the first plan, the Index Cond has only the account: Postgres reads all its "
    "payments, and a Filter drops those of other days. In the second, both ends of the day are in "
    "the Index Cond.",
    pitfall="A condition on a function of a column cannot use the column's index: __date, __month, "
    "Lower(), a Cast to a date. __year can: Django compares the column with both ends of the "
    "year. Move the calculation to the other side of the comparison, or index the function itself.",
    teaches_plan=True,
)
def day_of_an_account(day: Annotated[int, Between(1, 30)] = 14) -> dict[str, int]:
    """Counts Ana's payments from Everyday on one day of June 2026, in two ways."""
    account = Account.objects.get(user__email="ana@example.com", name="Everyday")
    payments = Transaction.objects.filter(from_account=account)
    start = datetime(2026, 6, day, tzinfo=UTC)
    with step("A function around the column"):
        by_date = payments.filter(created_at__date=start.date()).count()
    with step("The column compared with both ends"):
        end = start + timedelta(days=1)
        by_ends = payments.filter(created_at__gte=start, created_at__lt=end).count()
    return {"date": by_date, "gte and lt": by_ends}
