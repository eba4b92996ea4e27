"""Checks that the rows of the books are consistent with each other.

Every check is a query for rows that break a rule. If the books are correct, every query returns no
rows. All checks run in one REPEATABLE READ transaction and see the same snapshot. Only findings
leave the database, so memory use does not grow with the number of rows.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db import transaction as db_transaction

from accounts.exceptions import LedgerError
from accounts.models import Account
from ledger.db.local_settings import locally, set_locally
from ledger.db.retry import LOCK_TIMED_OUT, TIMED_OUT, sqlstate
from ledger.db.rights.row_security import WORKS
from ledger.db.snapshot import snapshot
from transactions.audit.checks.approvals import approvals
from transactions.audit.checks.explanations import releases, statuses, unreleased
from transactions.audit.checks.groups import groups
from transactions.audit.checks.links import captures, orphans, reversals
from transactions.audit.checks.money import balances, chains, currencies, holds
from transactions.audit.checks.nulls import nulls
from transactions.audit.checks.recorded import recorded
from transactions.audit.checks.register import register
from transactions.audit.checks.rules import rules
from transactions.audit.checks.seals import seals
from transactions.audit.findings import Finding
from transactions.models import Transaction

__all__ = [
    "CHECKS", "Audit", "AuditBlind", "AuditRunning", "AuditTooLong", "Finding", "audit",
    "register_check",
]  # fmt: skip

logger = logging.getLogger(__name__)
Check = Callable[..., Iterator[Finding]]  # the argument is a time, or None for all rows
# The checks of this app. A feature registers more checks in its module `audit_checks`.
CHECKS: list[Check] = [
    chains,
    balances,
    holds,
    captures,
    reversals,
    currencies,
    orphans,
    statuses,
    releases,
    unreleased,
    approvals,
    recorded,
    groups,
    register,
    rules,
    nulls,
    seals,
]
AUDITING = 7_236_502  # advisory lock of an audit, kept until its snapshot ends
# Errors that end an audit: errors of the server, and time limits. Any other error is caused by a
# value that no service writes, such as JSON with too many levels, or by a bug in a check.
ENDS = (OperationalError, InterfaceError, LedgerError)
# SQLSTATEs out_of_memory, program_limit_exceeded and statement_too_complex: a value is too large.
TOO_LARGE = frozenset({"53200", "54000", "54001"})
LONGEST_WAIT = "60s"  # how long a command waits for an audit on a page, which has PAGE_SECONDS


class AuditRunning(LedgerError):
    """Another audit is running."""


class AuditBlind(LedgerError):
    """Row-level security hides rows from the database role that runs the audit."""


class AuditTooLong(LedgerError):
    """The audit did not end within its time limit."""


def register_check(check: Check) -> Check:
    """Registers the check of a feature. The audit runs it after the checks of `transactions.audit`.
    Use this function as a decorator.
    """
    CHECKS.append(check)
    return check


@dataclass(slots=True)
class Audit:
    """The result of an audit. `accounts` is the number of all accounts. `transactions` is the
    number of transactions booked since `since`, or of all transactions if `since` is None.
    """

    accounts: int = 0
    transactions: int = 0
    since: datetime | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not self.findings

    def as_dict(self) -> dict[str, Any]:
        since = self.since.isoformat() if self.since else None
        return {"clean": self.clean, **asdict(self), "since": since}


def audit(
    *,
    since: datetime | None = None,
    seconds: float | None = None,
    on_check: Callable[[str], object] = lambda _check: None,
) -> Audit:
    """Runs every check in one snapshot. Returns the result with the first finding of each kind.
    `on_check` is called with the name of each check before the check starts.

    With `since`, the audit checks these rows only from that time on:

    - chains, links, rules of transactions, and rows of sealed days
    - the entries of statements of account, if the statement begins at `since` or later

    The audit always checks these completely: balances, holds, currencies, rules of accounts, the
    recorded history, and the order of seals and of statements of account.

    Raises AuditRunning if another audit is running. If `seconds` is None, first waits up to
    LONGEST_WAIT for the other audit. Raises AuditTooLong if the audit takes longer than `seconds`,
    and AuditBlind if row-level security hides rows from the role.
    """
    ends = time.monotonic() + seconds if seconds is not None else None
    try:
        with snapshot():
            _only_one(waits=seconds is None)
            _refuse_blind()
            return _checked(since, ends, on_check)
    except OperationalError as error:
        if seconds is None or sqlstate(error) != TIMED_OUT:
            raise
        raise AuditTooLong(
            f"The audit took longer than {seconds:.0f} seconds here, so it was stopped. "
            "Check a shorter period, or run manage.py audit_ledger."
        ) from error


def audit_here() -> Audit:
    """Runs every check in the open database transaction, so the checks also see its uncommitted
    rows. Returns the result.
    """
    return _checked(None, None, lambda _check: None)


def _checked(
    since: datetime | None, ends: float | None, on_check: Callable[[str], object]
) -> Audit:
    _limit(ends)
    result = _counted(since)
    for check in CHECKS:
        on_check(check.__name__)
        _limit(ends)
        result.findings += findings_of(check, since)
    set_locally(statement_timeout="0")
    return result


def findings_of(check: Check, since: datetime | None = None) -> list[Finding]:
    """Returns the first finding of each kind that the check yields. The check of seals may return
    two findings: the first changed seal, and the first day whose rows do not match its seal. If a
    check cannot read a value, the check ends, and the list also contains a finding about the
    unreadable value.
    """
    first: dict[tuple[str, bool], Finding] = {}
    try:
        with db_transaction.atomic():
            for finding in check(since):
                key = (finding.check, finding.day is not None)
                first.setdefault(key, finding.in_lines())
                if finding.day is not None:  # for the next day, the check would read the rows again
                    break
    except Exception as error:
        if isinstance(error, ENDS) and sqlstate(error) not in TOO_LARGE:
            raise
        logger.exception("The check %s met a value that it cannot read.", check.__name__)
        return [*first.values(), _unreadable(check.__name__, type(error).__name__)]
    return list(first.values())


def _unreadable(check: str, error: str) -> Finding:
    return Finding(
        "unreadable",
        None,
        None,
        f"values that the check {check} can read",
        error,
        sentence=(
            f"The check {check} met a value that it cannot read, such as JSON that is nested too"
            f" deeply or a value that is too large for the server's memory ({error}; the log has"
            " more). What else the check would have found is unknown. Find the row and who wrote"
            " it, repair it, and audit again."
        ),
    )


def _counted(since: datetime | None) -> Audit:
    rows = Transaction.objects.all()
    if since is not None:
        rows = rows.filter(created_at__gte=since)
    return Audit(Account.objects.count(), rows.count(), since)


def _refuse_blind() -> None:
    """Raises AuditBlind if row-level security hides rows. Checks find no errors in hidden rows, so
    the result would look clean.

    The policies show all rows to the web role in the scope AUDIT, and to the worker.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT row_security_active('transactions') AND current_user <> %s AND NOT EXISTS ("
            " SELECT FROM pg_policies WHERE tablename = 'transactions'"
            " AND policyname = %s AND current_user = ANY (roles))",
            [settings.LEDGER_WEB_ROLE, WORKS],
        )
        if cursor.fetchone()[0]:
            raise AuditBlind(
                "Policies of row-level security hide rows from this role, so nothing was checked;"
                " run the audit as the owner of the tables."
            )


def _only_one(*, waits: bool) -> None:
    """Prevents other audits until the database transaction ends. If another audit is running,
    raises AuditRunning. With `waits`, first waits up to LONGEST_WAIT for the other audit.
    """
    try:
        with locally(lock_timeout=LONGEST_WAIT if waits else "1ms"), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [AUDITING])
    except OperationalError as error:
        if sqlstate(error) != LOCK_TIMED_OUT:
            raise
        running = "Another audit is running. Look at its result in a moment."
        raise AuditRunning(running) from error


def _limit(ends: float | None) -> None:
    """Limits the next SQL statement to the time that remains until `ends`. None means no limit."""
    left = 0 if ends is None else max(1, int((ends - time.monotonic()) * 1000))
    set_locally(statement_timeout=str(left))
