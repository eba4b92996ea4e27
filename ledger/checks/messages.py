"""Creates the messages of checks. A message contains the problem and what to do."""

from collections.abc import Sequence

from django.core.checks import CheckMessage, Error, Warning

MAX_NAMES = 10


def weak(name: str, what: str, do: str) -> CheckMessage:
    """Returns a warning about a problem that should be solved, although the bank works."""
    return Warning(what, hint=do, id=f"ledger.{name}")


def wrong(name: str, what: str, do: str) -> CheckMessage:
    """Returns an error about a problem that exposes money, secrets or personal data, or that
    prevents all users from signing in.
    """
    return Error(what, hint=do, id=f"ledger.{name}")


def some(names: Sequence[str]) -> str:
    """Returns the first MAX_NAMES names as a text, with the number of the other names."""
    further = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + further
