"""How a report calls the people and accounts of its rows: by name where the reader may know it,
otherwise by the end of an account's number."""

from typing import Any

from django.db.models import CharField, F, Func, Value
from django.db.models.functions import Cast, Coalesce, NullIf, Right

from transactions.scope import Scope

HIDDEN = "\N{MIDDLE DOT}" * 2


class Joined(Func):
    """Texts one after the other, none of them NULL. `Concat` guards each against NULL, which
    nobody can read any more."""

    template = "(%(expressions)s)"
    arg_joiner = " || "
    output_field = CharField()


def masked(number: Any) -> Func:
    """The last four digits of an account's number: "··5549"."""
    return Joined(Value(HIDDEN), Right(number, 4))


def named(path: str = "user") -> Func:
    """A person's name, or the address of somebody who gave none."""
    path = f"{path}__" if path else ""
    return Coalesce(NullIf(f"{path}name", Value("")), f"{path}email", output_field=CharField())


def account_shown(scope: Scope, path: str = "") -> Func:
    """An account of `scope`: "Everyday ··5549" to its owner, "Ana Lindt, Everyday ··5549" to
    those who may know people, to others "··5549". `path` leads from the rows to the account."""
    number = masked(f"{path}number")
    if scope.is_bank and not scope.shows_names:
        return number
    account = [F(f"{path}name"), Value(" "), number]
    person = [named(f"{path}user"), Value(", ")] if scope.is_bank else []
    return Joined(*person, *account)


def found_by(scope: Scope, path: str = "") -> Any:
    """By what an account's rows are searched for: its number, or its id where the reader may not
    know that. `path` leads from the rows to the account."""
    return F(f"{path}number") if scope.shows_names else Cast(f"{path}pk", CharField())
