"""How a check tells: what is so, and what to do."""

from collections.abc import Sequence

from django.core.checks import CheckMessage, Error, Warning

MAX_NAMES = 10


def weak(name: str, what: str, do: str) -> CheckMessage:
    """Something that a bank runs with, and should not."""
    return Warning(what, hint=do, id=f"ledger.{name}")


def wrong(name: str, what: str, do: str) -> CheckMessage:
    """Something that lets money, secrets or people's data go, or keeps everybody out."""
    return Error(what, hint=do, id=f"ledger.{name}")


def some(names: Sequence[str]) -> str:
    """The first MAX_NAMES, and how many more there are."""
    further = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + further
