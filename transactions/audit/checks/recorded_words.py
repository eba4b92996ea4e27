"""Sentences about rows that are not where their history leads."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group, Permission

from accounts.models import LIMITS
from transactions.audit.findings import NamedAccount, named

OF_PEOPLE = {
    "users", "users_groups", "users_user_permissions", "account_emailaddress", "mfa_authenticator",
    "socialaccount_socialaccount", "api_tokens",
}  # fmt: skip
LABELS = {
    "approval_thresholds": "Threshold of approvals", "currencies": "Currency",
    "households": "Household",
}  # fmt: skip
KEYS = {
    "group_id": "group", "permission_id": "permission", "deleted_at": "closing of the sign-in",
    "household_id": "household", "is_staff": "right to enter the admin",
    "is_superuser": "superuser", "minor_units": "number of decimals", "email": "address",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RecordedDifference:
    """A value of an object that differs from its history.

    `now`: what its rows have and no change put there. `before`: what a change took away and none
    had put there. `after`: what a change put there, and is neither there nor taken away.
    """

    table: str
    about: str
    name: str
    now: list[Any]
    before: list[Any]
    after: list[Any]

    @property
    def account(self) -> UUID | None:
        """The id of the account; None for other tables, and for a forged id that is none."""
        return account_id(self.about) if self.table == "accounts" else None


def account_id(about: str) -> UUID | None:
    """The id of the account that a change is about; None for a forged id that is none."""
    try:
        return UUID(about)
    except ValueError:
        return None


def found_difference(difference: RecordedDifference) -> tuple[str, str, str]:
    """What the history says, what was found, and the sentence."""
    account = named(difference.account) if difference.table == "accounts" else None
    in_words = _in_words(difference, account)
    now, before, after = (
        " and ".join(in_words(value) for value in values)
        for values in (difference.now, difference.before, difference.after)
    )
    key = KEYS.get(difference.name, difference.name.replace("_", " "))
    label = account.at_start if account else _label(difference)
    expected = f"{key} {after}" if after else f"no {key}"
    found = f"{key} {now or before}" if now or before else f"no {key}"
    return expected, found, f"{label}: {_sentence(key, now, before, after, difference.table)}"


def _sentence(key: str, now: str, before: str, after: str, table: str) -> str:
    mend = (
        f"Find out who did it. To mend it, the owner of the tables sets back what the history says,"
        f" with the triggers of {table} disabled; what was right is then done again on a page."
    )
    if now and after:
        return (
            f"the {key} is {now}, but its history leads to {after}: nobody is on record for that"
            f" change. {mend}"
        )
    if now:
        return f"the {key} is {now}, and nobody is on record for adding it. {mend}"
    if before:
        left = f"the one before it left {after}" if after else "none before it had put that there"
        return (
            f"a change of the {key} starts from {before}, but {left}: a change is missing from"
            " the history. Find out who removed it; the finding stays."
        )
    return (
        f"the history has the {key} {after}, which is gone: nobody is on record for removing it."
        f" {mend}"
    )


def _label(difference: RecordedDifference) -> str:
    if difference.table in OF_PEOPLE:
        return f"Person {difference.about}"
    if difference.table.startswith("auth_group"):
        return f"Group {_name_of(Group, difference.about)}"
    return f"{LABELS[difference.table]} {difference.about}"


def _in_words(difference: RecordedDifference, account: NamedAccount | None) -> Callable[[Any], str]:
    """How a value of this kind is written."""
    if account is not None and difference.name in LIMITS:
        return partial(_limit, account)
    kinds: dict[str, type[Any]] = {"group_id": Group, "permission_id": Permission}
    if model := kinds.get(difference.name):
        return partial(_name_of, model)
    return _plainly


def _name_of(model: type[Any], key: Any) -> str:
    """The name of a row, or the key if there is none, such as a forged one."""
    try:
        return str(model._default_manager.filter(pk=key).first() or key)
    except (TypeError, ValueError):
        return _plainly(key)


def _limit(account: NamedAccount, value: Any) -> str:
    """A limit, or a forged value that is no amount."""
    try:
        return account.money(Decimal(value)) if value is not None else "no limit"
    except (ArithmeticError, TypeError, ValueError):
        return _plainly(value)


def _plainly(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "empty" if value in (None, "") else str(value)
