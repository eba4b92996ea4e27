"""Labels of people and accounts in reports: names if the reader may see them, otherwise the last
digits of an account number.
"""

from typing import Any

from django.db.models import CharField, F, Func, Value
from django.db.models.functions import Cast, Coalesce, NullIf, Right

from transactions.scope import Scope

HIDDEN = "\N{MIDDLE DOT}" * 2


class Concatenation(Func):
    """A concatenation of texts that are not NULL. Django's `Concat` adds COALESCE to each text,
    which makes the SQL hard to read.
    """

    template = "(%(expressions)s)"
    arg_joiner = " || "
    output_field = CharField()


def masked_number(number: Any) -> Func:
    """Returns the last four digits of an account number, such as "··5549"."""
    return Concatenation(Value(HIDDEN), Right(number, 4))


def named(path: str = "user") -> Func:
    """Returns a person's name, or the email address if the name is empty."""
    path = f"{path}__" if path else ""
    return Coalesce(NullIf(f"{path}name", Value("")), f"{path}email", output_field=CharField())


def account_label_sql(scope: Scope, path: str = "") -> Func:
    """Returns the label of an account: "Everyday ··5549" for its owner, "Ana Lindt, Everyday
    ··5549" for readers who may see names, otherwise "··5549". `path` is the lookup from the rows to
    the account.
    """
    number = masked_number(f"{path}number")
    if scope.is_bank and not scope.shows_names:
        return number
    account = [F(f"{path}name"), Value(" "), number]
    person = [named(f"{path}user"), Value(", ")] if scope.is_bank else []
    return Concatenation(*person, *account)


def account_key(scope: Scope, path: str = "") -> Any:
    """Returns the account's key for the search: its number, or its id if the reader may not see
    numbers. `path` is the lookup from the rows to the account.
    """
    return F(f"{path}number") if scope.shows_names else Cast(f"{path}pk", CharField())
