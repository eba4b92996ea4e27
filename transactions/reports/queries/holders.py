"""Labels of people and accounts in reports. A label is a name, or the last digits of an account
number for readers who may not see names.
"""

from typing import Any

from django.db.models import CharField, F, Func, Value
from django.db.models.functions import Cast, Coalesce, NullIf, Right

from transactions.scope import Scope

HIDDEN = "\N{MIDDLE DOT}" * 2


class Concatenation(Func):
    """Joins texts with ||. If one text is NULL, the result is NULL.

    Django's `Concat` wraps each text in COALESCE, which makes the SQL hard to read.
    """

    template = "(%(expressions)s)"
    arg_joiner = " || "
    output_field = CharField()


def masked_number(number: Any) -> Func:
    """Returns an expression for the last four digits of an account number, such as "··5549"."""
    return Concatenation(Value(HIDDEN), Right(number, 4))


def named(path: str = "user") -> Func:
    """Returns an expression for a person's name, or for the email address if the name is empty.
    `path` is the lookup from a row to the user, or "" if the row is a user.
    """
    path = f"{path}__" if path else ""
    return Coalesce(NullIf(f"{path}name", Value("")), f"{path}email", output_field=CharField())


def account_label_sql(scope: Scope, path: str = "") -> Func:
    """Returns an expression for the label of an account: "Everyday ··5549" for the owner, "Ana
    Lindt, Everyday ··5549" for readers of the bank who may see names, and "··5549" for other
    readers.

    `path` is the lookup from a row to the account, such as "account__".
    """
    number = masked_number(f"{path}number")
    if scope.is_bank and not scope.shows_names:
        return number
    account = [F(f"{path}name"), Value(" "), number]
    person = [named(f"{path}user"), Value(", ")] if scope.is_bank else []
    return Concatenation(*person, *account)


def account_key(scope: Scope, path: str = "") -> Any:
    """Returns an expression for the value with which a search finds the account: the account
    number, or the id if the reader may not see account numbers.

    `path` is the lookup from a row to the account, such as "account__".
    """
    return F(f"{path}number") if scope.shows_names else Cast(f"{path}pk", CharField())
