"""Opens the accounts of the Berka data and books their rows.

Note [Interrupted import]: every id is made from the bank's id, and every booking time is made from
the files. The rows of each account are booked in order. So an interrupted import has booked the
first rows of each account. The next run finds these rows by their ids and continues after them. The
result is the same as without the interruption.
"""

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal
from itertools import groupby, islice
from operator import attrgetter

from django.db import connection

from accounts.models import Account
from accounts.services import raise_overdraft_limits
from banking.berka.identity import id_of, noon
from banking.berka.lines import Refusal
from banking.berka.opening import ImportReport, open_missing
from banking.berka.source import Movement, Source
from ledger.text.lines import counted
from transactions.models import Seal
from transactions.services import Draft, LedgerError, post_batch

CHUNK = 5_000  # rows per database transaction
OVERDRAFT_STEP = Decimal(1000)


class SealedDays(Exception):
    """Raised if missing rows belong to sealed days. No row was booked."""


def book(source: Source, report: ImportReport, progress: Callable[[int], object]) -> None:
    """Opens the missing accounts and books the missing rows. Adds the counts and refusals to
    `report`. Calls `progress` with the number of rows after each step.

    Raises: SealedDays if missing rows belong to sealed days. In this case nothing is opened or
    booked.
    """
    _refuse_sealed_days(source)
    report.refusals += source.refusals
    report.skipped += source.repeated
    accounts = open_missing(source, report)
    rows = []
    for account_id, history in source.movements.items():
        if account_id in accounts:
            rows += history
        else:
            reason = f"account {account_id} could not be opened, see account.asc"
            report.refusals += [Refusal("trans.asc", row.line, reason) for row in history]
    booked = _booked(rows, accounts)
    _allow_overdrafts(rows, booked, accounts)
    drafts = _drafts(rows, accounts)
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        results = post_batch(list(islice(drafts, CHUNK)), atomic=False)
        for row, result in zip(chunk, results, strict=True):
            if isinstance(result, LedgerError):
                report.refusals.append(_refusal(row, result))
            elif row.id in booked:
                report.skipped += 1
            else:
                report.imported += 1
        progress(len(chunk))


def _refuse_sealed_days(source: Source) -> None:
    """Raises SealedDays if a missing row belongs to a sealed day.

    Ignores accounts that have an entry after the last seal. The missing rows of such an account are
    booked after this entry, on days that are not sealed.
    """
    sealed_until = Seal.objects.order_by("number").values_list("ends_at", flat=True).last()
    if sealed_until is None:
        return
    open_ones = set(
        Account.objects.filter(last_entry_at__gte=sealed_until).values_list("pk", flat=True)
    )
    ids = [
        row.id
        for account_id, history in source.movements.items()
        if id_of("account", account_id) not in open_ones
        for row in history
        if noon(row.day) < sealed_until
    ]
    missing = len(ids) - len(_booked_among(ids))
    if missing:
        raise SealedDays(
            f"{counted(missing, 'row')} of days before {sealed_until:%Y-%m-%d} cannot be booked: "
            "these days are sealed. Nothing was imported. Import into a bank without seals: before "
            "make run, manage.py work or seal_ledger runs for the first time."
        )


def _refusal(row: Movement, refusal: LedgerError) -> Refusal:
    reason = f"trans_id {row.trans_id}, account {row.account_id}: {refusal}"
    return Refusal("trans.asc", row.line, reason.rstrip("."))


def _drafts(rows: list[Movement], accounts: dict[int, Account]) -> Iterator[Draft]:
    """Yields a draft for each row. The files contain no time of day. Therefore the first row of an
    account on a day is booked at noon, and each further row of this account one microsecond later.
    """
    for (account_id, day), day_rows in groupby(rows, key=attrgetter("account_id", "day")):
        account = accounts[account_id].pk
        for place, row in enumerate(day_rows):
            yield Draft(
                id=row.id,
                from_account=None if row.credit else account,
                to_account=account if row.credit else None,
                amount=row.amount,
                description=row.description,
                reference=f"berka {row.trans_id}",
                metadata=row.metadata,
                value_date=day,
                created_at=noon(day) + timedelta(microseconds=place),
            )


def _booked(rows: list[Movement], accounts: dict[int, Account]) -> set[uuid.UUID]:
    """Returns the ids of the rows that are already booked."""
    used = {id for id, account in accounts.items() if account.last_entry_at is not None}
    return _booked_among([row.id for row in rows if row.account_id in used])


def _booked_among(ids: list[uuid.UUID]) -> set[uuid.UUID]:
    with connection.cursor() as cursor:
        # One array parameter: parsing 100,000 parameters would take longer than the query.
        cursor.execute("SELECT id FROM transactions WHERE id = ANY(%s)", [ids])
        return {id for (id,) in cursor}


def _allow_overdrafts(
    rows: list[Movement], booked: set[uuid.UUID], accounts: dict[int, Account]
) -> None:
    """Increases the overdraft limit of each account, so that the lowest balance in the history of
    the account is allowed. The limits are rounded up to the next thousand.

    Must be called before the first row is booked, so that an interrupted import has the same
    limits.
    """
    limits: dict[uuid.UUID, Decimal] = {}
    for account_id, history in groupby(rows, key=attrgetter("account_id")):
        account = accounts[account_id]
        if not account.is_active:
            continue
        lowest = running = account.balance - account.held
        for row in history:
            if row.id not in booked:
                running += row.signed_amount
                lowest = min(lowest, running)
        steps = (-lowest / OVERDRAFT_STEP).to_integral_value(ROUND_CEILING)
        if steps * OVERDRAFT_STEP > account.overdraft_limit:
            limits[account.pk] = steps * OVERDRAFT_STEP
    raise_overdraft_limits(limits)
