"""The check of `manage.py check --deploy` about audits, see ledger.checks."""

from typing import Any

from django.core.checks import CheckMessage
from django.db import DatabaseError, InterfaceError

from ledger.checks.messages import weak
from ledger.db.rights.row_security import RowScope, reading
from ledger.text.lines import counted
from transactions.audit.open_findings import open_runs


def check_audit(**_options: Any) -> list[CheckMessage]:
    """Returns one warning if an audit has open findings. Otherwise returns an empty list. A finding
    is open until a later audit has checked the same rows again.
    """
    try:
        with reading(RowScope.BANK):
            open_ones = open_runs()
    except (DatabaseError, InterfaceError):
        return []  # ledger.checks.database reports this error
    return [
        weak(
            "audit_found",
            f"The audit of {run.started_at:%Y-%m-%d %H:%M} UTC has"
            f" {counted(len(run.findings), 'open finding')}.",
            "The books may be wrong: docs/runbook.md#ledgerauditfound.",
        )
        for run in open_ones[:1]
    ]
