"""Stored audits: each run leaves a row with its result."""

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

# Limits of an audit on a page: it is stopped after these seconds, and a complete audit is offered
# up to this number of transactions, for which it takes about three seconds.
PAGE_SECONDS = 20.0
WHOLE_ON_A_PAGE = 300_000


@counts_refusals
def run_audit(
    *,
    since: datetime | None = None,
    run_by: User | None = None,
    seconds: float | None = None,
    tell: Callable[[str], object] = lambda _check: None,
) -> tuple[AuditRun, Audit]:
    """Runs an audit and stores the result. Raises as `audit` does; a refused run stores nothing.

    Its times come from the database, so runs have one order. Where no standby confirms commits, the
    result is stored on the primary alone: the books are proved just then, too.
    """
    started_at = _clock()
    with reading(RowScope.AUDIT):
        result = audit(since=since, seconds=seconds, tell=tell)
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
    """Whether the whole books can be checked while a page waits. Counts up to a limit."""
    rows = Transaction.objects.order_by()[: WHOLE_ON_A_PAGE + 1].count()
    return bool(rows <= WHOLE_ON_A_PAGE)
