"""The form of a check's message: what is wrong, and what to do."""

from collections.abc import Sequence

from django.core.checks import CheckMessage, Error, Warning

MAX_NAMES = 10


def weak(name: str, what: str, do: str) -> CheckMessage:
    """Returns a warning: the bank works with this, but should not."""
    return Warning(what, hint=do, id=f"ledger.{name}")


def wrong(name: str, what: str, do: str) -> CheckMessage:
    """Returns an error: this exposes money, secrets or personal data, or locks all users out."""
    return Error(what, hint=do, id=f"ledger.{name}")


def some(names: Sequence[str]) -> str:
    """Returns the first MAX_NAMES names, and how many more there are."""
    further = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + further
