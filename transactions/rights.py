"""Grants the role of web processes only the rights to tables that the code needs.

Even injected SQL cannot write a balance, delete a posted row, change anything of one but the status
of a pending hold, or change the record of who froze an account. Triggers and constraints are the
second defence.
"""

from typing import Any

from django.conf import settings
from django.db import connections

from ledger.db import embedded
from ledger.db.rights import grant

ACCOUNT_COLUMNS = "name, status, overdraft_limit, transfer_limit, daily_limit, closed_at"
LESS = {
    "accounts": f"SELECT, INSERT, UPDATE ({ACCOUNT_COLUMNS})",
    "currencies": "SELECT, INSERT, UPDATE (name, is_open)",
    "transactions": "SELECT, INSERT, UPDATE (status)",  # of holds, see posted_row_is_final
    "entries": "SELECT",
    "users": "SELECT, INSERT, UPDATE",
    "account_status_changes": "SELECT, INSERT",
    "transaction_notes": "SELECT, INSERT",
    "annotations": "SELECT, INSERT",
    "audit_runs": "SELECT, INSERT",
    "django_admin_log": "SELECT, INSERT",
    "seals": "SELECT",
    "sealed_days": "SELECT",
    "django_migrations": "SELECT",
}


def grant_rights(*, using: str, **_signal: Any) -> None:
    """Grants LEDGER_WEB_ROLE its rights after a migration, if the server has that role."""
    if settings.LEDGER_EMBEDDED:
        embedded.ensure_roles()
    grant(connections[using], settings.LEDGER_WEB_ROLE, LESS)
