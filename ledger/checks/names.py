"""Checks for settings that Ledger does not read."""

from typing import Any

from django.core.checks import CheckMessage

from ledger import env
from ledger.checks.messages import weak


def check_names(**_options: Any) -> list[CheckMessage]:
    """Returns a warning for each setting that Ledger does not read, for example a misspelled
    setting.
    """
    return [
        weak(
            "setting",
            f"Ledger does not read the setting {name}.",
            f"Did you mean {meant}?" if meant else "Remove it; .env.example has all settings.",
        )
        for name, meant in env.unread().items()
    ]
