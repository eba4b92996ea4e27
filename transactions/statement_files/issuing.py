"""Issues the numbered statements of all accounts, one for each month that seals cover.

Safe to run twice, in parallel and after a crash: the id of a statement is made of the account and
the number, and a trigger accepts only the next one. What is issued depends on the books alone, not
on when the job runs: each statement names the first seal that covers its month.
"""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

from django.db import IntegrityError
from django.db import transaction as db_transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from accounts.models import Account
from ledger.text.dates import months_before, start_of_day
from transactions.models import Entry, MonthlyStatement, Seal
from transactions.models.monthly_statement import id_of_statement
from transactions.statement_files.digest import (
    StatementFigures,
    digest_of,
    totals_of_period,
)


def issue_due() -> int:
    """Issues every statement that is due and returns how many. Nothing before the first seal."""
    seals = list(Seal.objects.order_by("number").only("number", "ends_at", "digest"))
    if not seals:
        return 0
    until = _month_of(timezone.localdate(seals[-1].ends_at))
    return sum(_issue(account, until, seals) for account in _due(until))


def _next_month(month: date) -> date:
    return months_before(month, -1)


def _month_of(day: date) -> date:
    return day.replace(day=1)


def _due(until: date) -> Iterator[Account]:
    """Accounts that lack the statement of a month before `until`, each with its holder."""
    latest = MonthlyStatement.objects.filter(account=OuterRef("pk")).newest_first()
    accounts = Account.objects.select_related("user").annotate(
        latest_month=Subquery(latest.values("month")[:1])
    )
    for account in accounts.order_by("pk").iterator(chunk_size=500):
        latest_month: date | None = account.latest_month  # type: ignore[attr-defined]
        month = _next_month(latest_month) if latest_month else None
        ends_on = account.closed_at and timezone.localdate(account.closed_at)
        if month is None or (month < until and (ends_on is None or month <= ends_on)):
            yield account


def _issue(account: Account, until: date, seals: list[Seal]) -> int:
    """Issues what this account lacks, in one database transaction for each statement."""
    last = MonthlyStatement.objects.of(account).newest_first().first()
    month = _next_month(last.month) if last else _first_month(account)
    issued = 0
    while month < until and not _is_after_closing(account, month):
        statement = _statement(account, month, last, seals)
        try:
            with db_transaction.atomic(durable=True):
                statement.save(force_insert=True)
        except IntegrityError:
            if MonthlyStatement.objects.filter(pk=statement.pk).exists():
                break  # another worker issues them
            raise
        last, month, issued = statement, _next_month(month), issued + 1
    return issued


def _first_month(account: Account) -> date:
    """That in which it was opened, or of its first entry if that is older, as of an import."""
    first = Entry.objects.for_account(account).order_by("created_at").values_list("created_at")
    began = [account.created_at, *(moment for (moment,) in first[:1])]
    return _month_of(timezone.localdate(min(began)))


def _is_after_closing(account: Account, month: date) -> bool:
    return account.closed_at is not None and timezone.localdate(account.closed_at) < month


def _statement(
    account: Account, month: date, last: MonthlyStatement | None, seals: list[Seal]
) -> MonthlyStatement:
    starts_at = last.ends_at if last else start_of_day(month)
    ends_at = start_of_day(_next_month(month))
    seal = seals[bisect_left(seals, ends_at, key=lambda seal: seal.ends_at)]
    number = last.number + 1 if last else 1
    totals = totals_of_period(account.pk, starts_at, ends_at)
    opening = last.closing if last else Decimal(0)
    closing = opening + totals.money_in - totals.money_out
    figures = StatementFigures(
        account.number, account.currency, number, starts_at, ends_at, opening, closing,
        (seal.number, bytes(seal.digest)),
    )  # fmt: skip
    return MonthlyStatement(
        id=id_of_statement(account.pk, number), account=account, number=number, month=month,
        starts_at=starts_at, ends_at=ends_at, opening=opening, money_in=totals.money_in,
        money_out=totals.money_out, closing=closing, entry_count=totals.rows,
        holder=account.user.name, account_name=account.name,
        names=_names(account, starts_at, ends_at), seal=seal, digest=digest_of(figures, totals),
    )  # fmt: skip


def _names(account: Account, starts_at: datetime, ends_at: datetime) -> dict[str, str]:
    """The other sides of the period, by id of account."""
    entries = Entry.objects.for_account(account).between(starts_at, ends_at)
    others = set(entries.values_list("counterparty_id", flat=True)) - {None}
    found = Account.objects.filter(pk__in=others).select_related("user")
    return {
        str(other.pk): other.name if other.user_id == account.user_id else other.user.name
        for other in found
    }
