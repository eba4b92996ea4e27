"""Writes the sentences about rows that differ from their history."""

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
    """A column of an object, with the values that contradict the recorded history:

    - `now`: the column contains these values, but no recorded change set them.
    - `before`: a change replaced these values, but no change had set them.
    - `after`: a change set these values, and no change replaced them. But the column does not
      contain them.
    """

    table: str
    about: str
    name: str
    now: list[Any]
    before: list[Any]
    after: list[Any]

    @property
    def account(self) -> UUID | None:
        """The id of the account. The value is None for other tables, and for a forged id that is
        not a UUID.
        """
        return account_id(self.about) if self.table == "accounts" else None


def account_id(about: str) -> UUID | None:
    """Returns the id of the account that a change is about, or None for a forged id that is not a
    UUID.
    """
    try:
        return UUID(about)
    except ValueError:
        return None


def found_difference(difference: RecordedDifference) -> tuple[str, str, str]:
    """Returns the expected value, the value that was found, and a sentence about the difference."""
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
    repair = (
        "Find out who did it. To repair it, restore the value of the history as the owner of the"
        f" tables, with the triggers of {table} disabled. If the change was correct, make it again"
        " on a page."
    )
    if now and after:
        return (
            f"the {key} is {now}, but its history ends with {after} and does not contain this"
            f" change. {repair}"
        )
    if now:
        return f"the {key} is {now}, and the history does not contain this addition. {repair}"
    if before:
        left = f"the change before it set {after}" if after else "no earlier change has set it"
        return (
            f"a change of the {key} starts from {before}, but {left}. So a change is missing from"
            " the history. Find out who removed it. This problem cannot be repaired."
        )
    return (
        f"the history ends with the {key} {after}, which does not exist any more. The history does"
        f" not contain its removal. {repair}"
    )


def _label(difference: RecordedDifference) -> str:
    if difference.table in OF_PEOPLE:
        return f"Person {difference.about}"
    if difference.table.startswith("auth_group"):
        return f"Group {_name_of(Group, difference.about)}"
    return f"{LABELS[difference.table]} {difference.about}"


def _in_words(difference: RecordedDifference, account: NamedAccount | None) -> Callable[[Any], str]:
    """Returns the function that formats the values of this difference as text."""
    if account is not None and difference.name in LIMITS:
        return partial(_limit, account)
    kinds: dict[str, type[Any]] = {"group_id": Group, "permission_id": Permission}
    if model := kinds.get(difference.name):
        return partial(_name_of, model)
    return _plainly


def _name_of(model: type[Any], key: Any) -> str:
    """Returns the name of a row, or the key if there is no such row because the key was forged."""
    try:
        return str(model._default_manager.filter(pk=key).first() or key)
    except (TypeError, ValueError):
        return _plainly(key)


def _limit(account: NamedAccount, value: Any) -> str:
    """Returns a limit as text. If a forged value is not an amount, returns the value as text."""
    try:
        return account.money(Decimal(value)) if value is not None else "no limit"
    except (ArithmeticError, TypeError, ValueError):
        return _plainly(value)


def _plainly(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "empty" if value in (None, "") else str(value)
