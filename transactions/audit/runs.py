"""Runs audits and stores each result in a row."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

from django.db import connection
from django.db import transaction as db_transaction

from accounts.models import User
from accounts.refusal_counts import counts_refusals
from ledger.db.commits.confirmation import nobody_confirms, waiting_for_no_standby
from ledger.db.rights.row_security import RowScope, reading
from transactions.audit.audit import Audit, audit
from transactions.models import AuditRun, Transaction

# Limits for an audit on a page. The audit is stopped after PAGE_SECONDS. The page offers a complete
# audit for up to this number of transactions, which takes about three seconds.
PAGE_SECONDS = 20.0
MAX_ROWS_ON_A_PAGE = 300_000


@counts_refusals
def run_audit(
    *,
    since: datetime | None = None,
    run_by: User | None = None,
    seconds: float | None = None,
    on_check: Callable[[str], object] = lambda _check: None,
) -> tuple[AuditRun, Audit]:
    """Runs an audit and stores the result. Returns the stored run and the result. Raises the same
    errors as `audit`. If an error is raised, nothing is stored.

    The start and end of the run are read from the database's clock, so that the times of all runs
    can be compared. If no standby confirms commits, the result is stored without waiting for a
    standby, because the audit must also work at such times.
    """
    started_at = _clock()
    with reading(RowScope.AUDIT):
        result = audit(since=since, seconds=seconds, on_check=on_check)
    with waiting_for_no_standby() if nobody_confirms() else db_transaction.atomic(durable=True):
        run = AuditRun.objects.create(
            started_at=started_at,
            finished_at=max(_clock(), started_at),
            since=since,
            accounts=result.accounts,
            transactions=result.transactions,
            findings=[asdict(finding) for finding in result.findings],
            run_by=run_by,
        )
    return run, result


def _clock() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return moment


def fits_on_a_page() -> bool:
    """Returns whether the bank has few enough transactions to run a complete audit on a page.
    Counts only up to MAX_ROWS_ON_A_PAGE transactions.
    """
    rows = Transaction.objects.order_by()[: MAX_ROWS_ON_A_PAGE + 1].count()
    return bool(rows <= MAX_ROWS_ON_A_PAGE)
