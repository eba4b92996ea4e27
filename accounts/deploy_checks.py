"""What `manage.py check --deploy` says of approvals: ledger.checks."""

from typing import Any

from django.core.checks import CheckMessage
from django.db import DatabaseError, InterfaceError

from accounts.approvals import thresholds, wanted_thresholds
from ledger.checks.messages import wrong


def check_thresholds(**_options: Any) -> list[CheckMessage]:
    """An approval threshold that the setting changed and the database does not know."""
    try:
        is_same = thresholds() == wanted_thresholds()
    except (DatabaseError, InterfaceError):
        return []  # which ledger.checks.database tells
    if is_same:
        return []
    return [
        wrong(
            "approval_thresholds",
            "LEDGER_FOUR_EYES_OVER is not what the database enforces.",
            "Run manage.py prepare as the owner of the tables, which writes it there.",
        )
    ]
