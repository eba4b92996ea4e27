"""Checks the rules of the tables again, because the table owner may have dropped a CHECK or
trigger.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import (
    Case,
    CheckConstraint,
    Count,
    Model,
    Q,
    QuerySet,
    TextField,
    Value,
    When,
    Window,
)
from django.db.models.functions import Round

from accounts.models import SETTINGS, Account, Currency, times_finite
from accounts.models.account_triggers import CHOICES_MESSAGE, STATUSES
from transactions.audit.findings import Finding, amount_text, named
from transactions.models import Transaction


def rules(since: datetime | None = None) -> Iterator[Finding]:
    """Yields two findings at most: the first transaction that breaks a rule, and the first account
    that breaks a rule.
    """
    # Only the columns of the finding, because Python cannot read metadata with too many levels.
    rows = Transaction.objects.order_by("pk").only(
        "amount", "currency", "from_account_id", "to_account_id"
    )
    for row in _breaking(rows.filter(created_at__gte=since) if since else rows):
        account = row.from_account_id or row.to_account_id
        yield _finding(row, str(account) if account else None, str(row.pk))
    for row in _breaking(Account.objects.order_by("pk")):
        yield _finding(row, str(row.pk), None)


def _breaking(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Returns the first row that breaks a rule. Its attribute `rule` is the name of the rule, and
    `broken` is the number of rows that break a rule. As in a CHECK, a rule that evaluates to NULL
    is not broken.
    """
    broken = [When(~Q(check.condition), then=Value(check.name)) for check in _checks(rows.model)]
    judged: QuerySet[Any] = rows.annotate(
        rule=Case(*broken, output_field=TextField()), broken=Window(Count("*"))
    ).filter(rule__isnull=False)
    return judged[:1]


def _checks(model: type[Model]) -> list[CheckConstraint]:
    """Returns the CHECK constraints of the table. Also returns rules that triggers of the table
    enforce, if a rule is about a single row. These rules are written as CHECK constraints.
    """
    own = [rule for rule in model._meta.constraints if isinstance(rule, CheckConstraint)]
    return own + (_of_accounts() if model is Account else _of_transactions())


def _settings_in_choices() -> dict[str, list[str]]:
    return {f"{column}__in": found.values for column, found in SETTINGS.items() if found}


def _of_accounts() -> list[CheckConstraint]:
    return [
        CheckConstraint(
            name="account_choices_valid",
            condition=Q(status__in=STATUSES, **_settings_in_choices()),
            violation_error_message=CHOICES_MESSAGE,
        ),
        CheckConstraint(
            name="account_times_finite",
            condition=times_finite("created_at", "closed_at", "last_entry_at"),
            violation_error_message="A time lies between 1900 and 9999.",
        ),
        CheckConstraint(
            name="account_closed_at_a_time",
            condition=Q(status="closed", closed_at__isnull=False)
            | ~Q(status="closed") & Q(closed_at__isnull=True),
            violation_error_message="A closed account has the time of its closing, no other has.",
        ),
        CheckConstraint(
            name="account_currency_exists",
            condition=_in_minor_units(
                lambda codes, units: Q(currency__in=codes, minor_units=units)
            ),
            violation_error_message="An account has a currency of the list, and its minor units.",
        ),
    ]


def _of_transactions() -> list[CheckConstraint]:
    return [
        CheckConstraint(
            name="amount_fits_currency",
            condition=_in_minor_units(
                lambda codes, units: Q(currency__in=codes, amount=Round("amount", units))
            ),
            violation_error_message="The amount has at most the decimals of its currency.",
        )
    ]


def _in_minor_units(condition: Callable[[list[str], int], Q]) -> Q:
    """Returns one condition for all currencies. Calls `condition` once for each possible number of
    minor units, with the currencies that have this number. Joins the results with OR.
    """
    codes: dict[int, list[str]] = defaultdict(list)
    for code, units in Currency.objects.values_list("code", "minor_units"):
        if units is not None:
            codes[units].append(code)
    of_none = Q(pk__in=[])
    return reduce(or_, (condition(each, units) for units, each in sorted(codes.items())), of_none)


def _finding(row: Any, account: str | None, transaction: str | None) -> Finding:
    (rule,) = [check for check in _checks(type(row)) if check.name == row.rule]
    message = str(rule.violation_error_message).rstrip(".")
    expected = message[0].lower() + message[1:]
    return Finding(
        "rule",
        account,
        transaction,
        expected,
        f"{rule.name} broken",
        row.broken,
        sentence=f"{_place(row)} breaks a rule of the books: {expected} ({rule.name}).",
    )


def _place(row: Any) -> str:
    """Returns the start of a sentence about a row: an account with its balance, or a transaction
    with its amount.
    """
    if isinstance(row, Account):
        name = named(row.pk)
        balance, held = name.money(row.balance), name.money(row.held)
        return f"{name.at_start}, with a balance of {balance} and {held} held,"
    account = named(row.from_account_id or row.to_account_id)
    return f"Transaction {row.pk} of {amount_text(row.amount, row.currency)} on {account}"
