"""Checks the approval thresholds for `manage.py check --deploy`: see ledger.checks."""

from typing import Any

from django.core.checks import CheckMessage
from django.db import DatabaseError, InterfaceError

from accounts.approvals import thresholds, wanted_thresholds
from ledger.checks.messages import wrong


def check_thresholds(**_options: Any) -> list[CheckMessage]:
    """Returns a warning if the thresholds in the database differ from the setting, otherwise an
    empty list.
    """
    try:
        is_same = thresholds() == wanted_thresholds()
    except (DatabaseError, InterfaceError):
        return []  # reported by ledger.checks.database
    if is_same:
        return []
    return [
        wrong(
            "approval_thresholds",
            "LEDGER_FOUR_EYES_OVER is not what the database enforces.",
            "Run manage.py prepare as the owner of the tables, which writes it there.",
        )
    ]
