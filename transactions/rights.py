"""What web processes may not do: everything that the design never does.

Even by SQL smuggled in, a web process cannot write a balance, change or delete a posted row,
or rewrite who froze an account. Triggers and constraints are the second defence.
"""

from typing import Any

from django.conf import settings
from django.db import connections

from ledger.db import embedded
from ledger.db.rights import grant

ACCOUNT_COLUMNS = "name, status, overdraft_limit, transfer_limit, daily_limit, closed_at"
LESS = {
    "accounts": f"SELECT, INSERT, UPDATE ({ACCOUNT_COLUMNS})",
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
    """After migrations: the rights of LEDGER_WEB_ROLE, where the server has such a role."""
    if settings.LEDGER_EMBEDDED:
        embedded.ensure_roles()
    grant(connections[using], settings.LEDGER_WEB_ROLE, LESS)
