"""Closing periods: `seal` makes the next seal. Nothing is booked into a sealed period again."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from typing import Any

from django.db import connection
from django.db import transaction as db_transaction

from accounts.exceptions import LedgerError
from accounts.models import EARLIEST, User
from ledger.db.local_settings import set_locally
from transactions.audit import digest as seal_text
from transactions.models import Seal
from transactions.models.seal_triggers import GRACE_MINUTES, SEALING

PATIENCE = 30.0  # seconds that sealing waits for transactions that were writing when it began
PAUSE = 0.05
SORT_MEMORY = "64MB"  # of the server, for putting the rows of a period in order


class PeriodNotOver(LedgerError):
    """The day up to which is to be sealed lies in the future, or has only just begun."""


class StillWriting(LedgerError):
    """A transaction that may yet add a row to the period does not end."""


def midnight(day: date) -> datetime:
    """When a day begins, in UTC: sealed periods are whole days of it."""
    return datetime.combine(day, clock.min, tzinfo=UTC)


def last_day() -> date:
    """The latest day up to which can be sealed now: today, or yesterday just after midnight."""
    return (_database_time() - timedelta(minutes=GRACE_MINUTES)).date()


def seal(
    *,
    until: date | None = None,
    sealed_by: User | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Seal | None:
    """Seals every row booked before the day `until` (UTC) and not sealed yet; None when all is.

    Default: up to today. Safe to call twice and side by side. PeriodNotOver for a day that is
    not over, StillWriting when somebody's transaction stays open; then nothing is sealed.
    """
    latest = last_day()
    day = until or latest
    if day > latest:
        raise PeriodNotOver(f"{day - timedelta(days=1)} is not over yet; seal up to {latest}.")
    ends_at = midnight(day)
    if _last_end() >= ends_at:
        return None
    _wait_for_writers(sleep)
    with db_transaction.atomic(durable=True), connection.cursor() as cursor:
        # From here on no old row enters: see Note [No row enters a sealed period].
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SEALING])
        last = Seal.objects.order_by("number").last()
        if last is not None and last.ends_at >= ends_at:
            return None
        set_locally(work_mem=SORT_MEMORY, statement_timeout="0")
        facts: dict[str, Any] = {
            "number": last.number + 1 if last else 1,
            "starts_at": last.ends_at if last else EARLIEST,
            "ends_at": ends_at,
            "previous_digest": last.digest if last else None,
            "sealed_by": sealed_by.pk if sealed_by else None,
        }
        cursor.execute(seal_text.INSERT_SEAL, facts)
        return Seal.objects.get(pk=facts["number"])


def find(digest: str) -> Seal | None:
    """The seal with this digest, written in hex however it was copied; None without one."""
    try:
        wanted = bytes.fromhex("".join(digest.split()))
    except ValueError:
        return None
    return Seal.objects.filter(digest=wanted).first()


def _last_end() -> datetime:
    end: datetime | None = Seal.objects.order_by("number").values_list("ends_at", flat=True).last()
    return end or EARLIEST


def _database_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment.astimezone(UTC)


def _wait_for_writers(sleep: Callable[[float], None]) -> None:
    """Until every transaction that is writing rows now has ended, so that its rows are seen.

    None of them is made to wait, as they would for a lock on the table.
    """
    writing = _writers()
    deadline = time.monotonic() + PATIENCE
    while writing := writing & _writers():
        if time.monotonic() > deadline:
            raise StillWriting(
                f"A transaction has been booking for more than {PATIENCE:.0f} seconds and may "
                "belong to the period. Nothing was sealed; try again later."
            )
        sleep(PAUSE)


def _writers() -> set[str]:
    """The transactions of others that may have inserted rows: they hold this lock to their end."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT virtualtransaction FROM pg_locks
            WHERE locktype = 'relation' AND relation = 'transactions'::regclass
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
              AND mode = 'RowExclusiveLock' AND granted
              AND pid IS DISTINCT FROM pg_backend_pid()
            """
        )
        return {name for (name,) in cursor.fetchall()}
