"""How a check tells: what is so, and what to do."""

from django.core.checks import CheckMessage, Error, Warning


def weak(name: str, what: str, do: str) -> CheckMessage:
    """Something that a bank runs with, and should not."""
    return Warning(what, hint=do, id=f"ledger.{name}")


def wrong(name: str, what: str, do: str) -> CheckMessage:
    """Something that lets money, secrets or people's data go, or keeps everybody out."""
    return Error(what, hint=do, id=f"ledger.{name}")
