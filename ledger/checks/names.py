"""That each setting which is given is one that Ledger reads."""

from typing import Any

from django.core.checks import CheckMessage

from ledger import env
from ledger.checks.messages import weak


def check_names(**_options: Any) -> list[CheckMessage]:
    """Names settings that nothing reads, such as mistyped ones."""
    return [
        weak(
            "setting",
            f"Nothing reads {name}.",
            f"Did you mean {meant}?" if meant else "Remove it; .env.example has all settings.",
        )
        for name, meant in env.unread().items()
    ]
