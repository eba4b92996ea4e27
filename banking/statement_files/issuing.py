"""Issues the numbered statements of all accounts: one statement for each month that is completely
sealed.

The job can run several times: in parallel, and again after a crash. The id of a statement is made
from the account and the number, and a trigger accepts only the next number. The digest of a
statement depends only on the booked entries and on the first seal that covers its month, not on the
time when the job runs.
"""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from itertools import islice, pairwise
from uuid import UUID

from django.db import IntegrityError
from django.db import transaction as db_transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from accounts.models import Account
from banking.statement_files.digest import (
    RowTotals,
    StatementFigures,
    digest_of,
    totals_of_periods,
)
from banking.statement_files.models import MonthlyStatement, id_of_statement
from ledger.jobs.apart import apart
from ledger.text.dates import months_before, start_of_day
from transactions.models import Entry, Seal

BATCH_SIZE = 50  # accounts per database transaction


def issue_due() -> int:
    """Issues every statement that is due, and returns the number of statements. Issues nothing
    before the first seal.

    Raises: the first error of an account, after the statements of all other accounts were issued.
    """
    seals = list(Seal.objects.order_by("number").only("number", "ends_at", "digest"))
    if not seals:
        return 0
    until = _month_of(timezone.localdate(seals[-1].ends_at))
    due = _due(until)
    issued = 0
    with apart("Statements of account") as account_apart:
        while accounts := list(islice(due, BATCH_SIZE)):
            try:
                issued += _issue(accounts, until, seals)
            except Exception:  # noqa: BLE001 - raised again for the account that caused it
                for account in accounts:
                    with account_apart(account.pk):
                        issued += _issue([account], until, seals)
    return issued


def _next_month(month: date) -> date:
    return months_before(month, -1)


def _month_of(day: date) -> date:
    return day.replace(day=1)


def _due(until: date) -> Iterator[Account]:
    """Yields the accounts for which a statement may be missing, with their holders loaded. An
    account is complete if its last statement is for the month before `until`, or for the month in
    which the account was closed.
    """
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


def _issue(accounts: list[Account], until: date, seals: list[Seal]) -> int:
    """Issues the missing statements of these accounts in one database transaction, and returns the
    number of statements.

    If another worker issues the same statements at the same time, returns 0 for a single account,
    and raises IntegrityError for several accounts.
    """
    made = [row for account in accounts for row in _statements(account, until, seals)]
    try:
        with db_transaction.atomic(durable=True):
            MonthlyStatement.objects.bulk_create(made)
    except IntegrityError:
        by_others = MonthlyStatement.objects.filter(pk__in=[row.pk for row in made])
        if accounts[1:] or not by_others.exists():
            raise
        return 0
    return len(made)


def _statements(account: Account, until: date, seals: list[Seal]) -> Iterator[MonthlyStatement]:
    """Yields the missing statements of an account as unsaved model instances. Makes four
    queries.
    """
    last = MonthlyStatement.objects.of(account).newest_first().first()
    month = _next_month(last.month) if last else _first_month(account)
    months = []
    while month < until and not _is_after_closing(account, month):
        months.append(month)
        month = _next_month(month)
    if not months:
        return
    edges = [last.ends_at if last else start_of_day(months[0])]
    edges += [start_of_day(_next_month(month)) for month in months]
    totals = totals_of_periods(account.pk, list(pairwise(edges)))
    names = _names(account, frozenset().union(*(each.others for each in totals)))
    for month, period, each in zip(months, pairwise(edges), totals, strict=True):
        last = _statement(account, month, period, last, each, seals)
        last.names = {str(other): names[other] for other in sorted(each.others)}
        yield last


def _first_month(account: Account) -> date:
    """Returns the month in which the account was opened, or the month of its first entry, if the
    first entry is older than the account, for example after an import.
    """
    first = Entry.objects.for_account(account).order_by("created_at").values_list("created_at")
    began = [account.created_at, *(moment for (moment,) in first[:1])]
    return _month_of(timezone.localdate(min(began)))


def _is_after_closing(account: Account, month: date) -> bool:
    return account.closed_at is not None and timezone.localdate(account.closed_at) < month


def _statement(
    account: Account, month: date, period: tuple[datetime, datetime],
    last: MonthlyStatement | None, totals: RowTotals, seals: list[Seal],
) -> MonthlyStatement:  # fmt: skip
    starts_at, ends_at = period
    seal = seals[bisect_left(seals, ends_at, key=lambda seal: seal.ends_at)]
    number = last.number + 1 if last else 1
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
        holder=account.user.name, account_name=account.name, seal=seal,
        digest=digest_of(figures, totals),
    )  # fmt: skip


def _names(account: Account, others: frozenset[UUID]) -> dict[UUID, str]:
    """Returns a dict from account id to the name that the statements of `account` show for the
    other side. `others` contains the ids of these accounts.
    """
    found = Account.objects.filter(pk__in=others).select_related("user")
    return {
        other.pk: other.name if other.user_id == account.user_id else other.user.name
        for other in found
    }
