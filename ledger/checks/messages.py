"""Creates the messages of checks. A message contains the problem and what to do."""

from collections.abc import Sequence

from django.core.checks import CheckMessage, Error, Warning

MAX_NAMES = 10


def weak(name: str, what: str, do: str) -> CheckMessage:
    """Returns a warning. Use it for a problem that should be solved, but with which the bank still
    works.
    """
    return Warning(what, hint=do, id=f"ledger.{name}")


def wrong(name: str, what: str, do: str) -> CheckMessage:
    """Returns an error. Use it if the problem exposes money, secrets or personal data, or if no
    user can sign in.
    """
    return Error(what, hint=do, id=f"ledger.{name}")


def some(names: Sequence[str]) -> str:
    """Returns a text with the first MAX_NAMES names, and with the number of further names."""
    further = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + further
