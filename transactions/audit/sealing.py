"""Closes periods: `seal` creates the next seal. Nobody can book into a sealed period."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from typing import Any

from django.db import connection
from django.db import transaction as db_transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts.exceptions import LedgerError
from accounts.models import EARLIEST, User
from accounts.refusal_counts import counts_refusals
from ledger.db.local_settings import set_locally
from transactions.audit import digest as seal_text
from transactions.models import Seal, SealedDay, Transaction
from transactions.models.seal_triggers import GRACE_MINUTES, SEALING

PATIENCE = 30.0  # seconds that `_wait_for_writers` waits
PAUSE = 0.05
SORT_MEMORY = "64MB"  # work_mem of the server, for sorting the rows of a period


class PeriodNotOver(LedgerError):
    """The last day to seal is in the future, or has ended only a few minutes ago."""


class SealHindered(LedgerError):
    """Payments of past days may still be booked, for example because the creation of the demo is
    not complete. The field detail contains the reason.
    """


class StillWriting(LedgerError):
    """An open database transaction may still add a row to the period."""


def midnight(day: date) -> datetime:
    """Returns the start of a day in UTC. Sealed periods are whole UTC days."""
    return datetime.combine(day, clock.min, tzinfo=UTC)


def last_day() -> date:
    """Returns the latest day that may be passed to `seal` as `until`: today in UTC. During the
    first GRACE_MINUTES of a day, returns yesterday.
    """
    return (_database_time() - timedelta(minutes=GRACE_MINUTES)).date()


@counts_refusals
def seal(
    *,
    until: date | None = None,
    sealed_by: User | None = None,
    hindrance: Callable[[], str] = lambda: "",
    sleep: Callable[[float], None] = time.sleep,
) -> Seal | None:
    """Seals the unsealed days before `until` (a day in UTC, default: today) and returns the new
    seal. Returns None if there is nothing to seal. Safe to run twice or in parallel.

    A bank without transactions does not get a seal, so that its history can still be imported.
    Nothing is sealed if an error is raised: PeriodNotOver if `until` is too late, SealHindered if
    `hindrance` returns a reason, or StillWriting if a database transaction stays open.
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
        # From here on, nobody can insert old rows: see Note [No row enters a sealed period].
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SEALING])
        if reason := hindrance():
            raise SealHindered(reason)
        last = Seal.objects.order_by("number").last()
        if last is not None and last.ends_at >= ends_at:
            return None
        if last is None and not Transaction.objects.exists():
            return None
        begins = last.ends_at if last else EARLIEST
        _refuse_foreign_days(begins)
        set_locally(work_mem=SORT_MEMORY, statement_timeout="0")
        facts: dict[str, Any] = {
            "number": last.number + 1 if last else 1,
            "starts_at": begins,
            "ends_at": ends_at,
            "previous_digest": last.digest if last else None,
            "sealed_by": sealed_by.pk if sealed_by else None,
        }
        cursor.execute(seal_text.INSERT_SEAL, facts)
        return Seal.objects.get(pk=facts["number"])


def days_without_seal() -> QuerySet[Any]:
    """Returns the rows of SealedDay whose seal does not exist. Such rows can exist only if somebody
    has dropped the foreign key.
    """
    of = Seal.objects.filter(pk=OuterRef("seal_id"))
    return SealedDay.objects.filter(~Exists(of)).order_by("day")


def _refuse_foreign_days(begins: datetime) -> None:
    """Raises SealHindered if there is a row of SealedDay whose seal does not exist, or whose day is
    not before the period to seal.
    """
    later = SealedDay.objects.filter(day__gte=begins.astimezone(UTC).date()).order_by("day")
    if found := days_without_seal().first() or later.first():
        raise SealHindered(
            f"The table sealed_days has a row of {found.day} that no sealing made (seal"
            f" {found.seal_id}), so nothing was sealed. Run audit_ledger, and find out who wrote"
            " it. The owner of the tables deletes it, with the triggers of sealed_days disabled."
        )


def find(digest: str) -> Seal | None:
    """Returns the seal with this digest (in hexadecimal), or None. Ignores spaces and case."""
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
    """Waits until all database transactions that are writing rows now have ended. Uses no table
    lock, so other sessions do not wait in the meantime. Raises StillWriting after PATIENCE seconds.
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
    """Returns the ids of other sessions' database transactions that may have inserted rows. Each
    such database transaction has a lock of the table until it ends.
    """
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
