"""Checks that Ledger reads each setting that is set."""

from typing import Any

from django.core.checks import CheckMessage

from ledger import env
from ledger.checks.messages import weak


def check_names(**_options: Any) -> list[CheckMessage]:
    """Returns a warning for each setting that Ledger does not read, for example because its name is
    misspelled.
    """
    return [
        weak(
            "setting",
            f"Ledger does not read the setting {name}.",
            f"Did you mean {meant}?" if meant else "Remove it; .env.example has all settings.",
        )
        for name, meant in env.unread().items()
    ]
