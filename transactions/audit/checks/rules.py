"""Checks every named CHECK again: the owner of the tables may have dropped one."""

from collections.abc import Iterator
from datetime import datetime
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

from accounts.models import Account
from transactions.audit.findings import Finding, amount_text, named
from transactions.models import Transaction


def rules(since: datetime | None = None) -> Iterator[Finding]:
    """Every row meets the named rules of its table."""
    rows = Transaction.objects.order_by("pk")
    for row in _breaking(rows.filter(created_at__gte=since) if since else rows):
        account = row.from_account_id or row.to_account_id
        yield _finding(row, str(account) if account else None, str(row.pk))
    for row in _breaking(Account.objects.order_by("pk")):
        yield _finding(row, str(row.pk), None)


def _breaking(rows: QuerySet[Any]) -> QuerySet[Any]:
    """The first row that breaks a rule. As in a CHECK, NULL counts as met."""
    broken = [When(~Q(check.condition), then=Value(check.name)) for check in _checks(rows.model)]
    judged: QuerySet[Any] = rows.annotate(
        rule=Case(*broken, output_field=TextField()), broken=Window(Count("*"))
    ).filter(rule__isnull=False)
    return judged[:1]


def _checks(model: type[Model]) -> list[CheckConstraint]:
    return [rule for rule in model._meta.constraints if isinstance(rule, CheckConstraint)]


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
    """The row with its amount."""
    if isinstance(row, Account):
        name = named(row.pk)
        balance, held = name.money(row.balance), name.money(row.held)
        return f"{name.at_start}, with a balance of {balance} and {held} held,"
    account = named(row.from_account_id or row.to_account_id)
    return f"Transaction {row.pk} of {amount_text(row.amount, row.currency)} on {account}"
