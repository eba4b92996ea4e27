"""Changes as the history shows them: labels, amounts of money, links to what changed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group
from django.urls import reverse
from django.utils.dateparse import parse_datetime

from accounts.admin.columns import limit_in_words
from accounts.models import Account, Change, Currency, Household, User
from ledger.text.dates import exact
from ledger.text.money import account_number

# What a change is about: the tables, and their words where they are no change of the row itself.
SUBJECTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "account": ("Accounts", ("accounts",)),
    "person": (
        "People",
        (
            "users", "users_groups", "users_user_permissions", "account_emailaddress",
            "mfa_authenticator", "socialaccount_socialaccount",
        ),
    ),
    "group": ("Groups", ("auth_group", "auth_group_permissions")),
    "currency": ("Currencies", ("currencies",)),
    "household": ("Households", ("households",)),
}  # fmt: skip
PARTS = {
    "users_groups": "Group",
    "users_user_permissions": "Permission",
    "auth_group_permissions": "Permission",
    "account_emailaddress": "Sign-in address",
    "mfa_authenticator": "Second factor",
    "socialaccount_socialaccount": "Sign-in by a provider",
}
ACTIONS = {"insert": "Added", "update": "Changed", "delete": "Removed"}
LABELS = {
    "overdraft_limit": "Overdraft limit", "transfer_limit": "Transfer limit",
    "daily_limit": "Daily limit", "is_staff": "Staff", "is_superuser": "Superuser",
    "deleted_at": "Sign-in closed", "minor_units": "Decimals", "is_open": "Open",
    "email": "Email", "household_id": "Household (id)",
}  # fmt: skip
NOTHING = "nothing"
WORDS: dict[str, Callable[[Any], str]] = {
    "deleted_at": lambda value: exact(parse_datetime(value)),
    "number": account_number,
}
LIMITS = ("overdraft_limit", "transfer_limit", "daily_limit")
MODELS: dict[str, type[Any]] = {
    "account": Account, "person": User, "group": Group, "currency": Currency,
    "household": Household,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChangeInWords:
    """A row of the history for a template. `values` are the label, the old and the new value; the
    old one is "" for what was added, the new one for what was removed.
    """

    change: Change
    title: str
    subject: str
    url: str
    values: list[tuple[str, str, str]]
    by: str
    by_url: str

    @property
    def is_by_command(self) -> bool:
        return self.change.path.startswith("manage.py ")


def in_words(changes: Sequence[Change]) -> list[ChangeInWords]:
    """The changes for a page. One query for each kind of object in them."""
    subjects = {change.pk: _subject_of(change.table_name) for change in changes}
    found: dict[str, Mapping[str, Any]] = {}
    for subject, model in MODELS.items():
        ids = {change.about for change in changes if subjects[change.pk] == subject}
        rows = model.objects.filter(pk__in=ids)
        if subject == "account":
            rows = rows.select_related("user")
        found[subject] = {str(row.pk): row for row in rows} if ids else {}
    return [_one(change, subjects[change.pk], found[subjects[change.pk]]) for change in changes]


def _subject_of(table: str) -> str:
    return next(name for name, (_, tables) in SUBJECTS.items() if table in tables)


def _one(change: Change, subject: str, rows: Mapping[str, Any]) -> ChangeInWords:
    row = rows.get(change.about)
    what = PARTS.get(change.table_name, subject)
    values = [
        (_label(name), _side(change.before, name, row), _side(change.after, name, row))
        for name in {**(change.before or {}), **(change.after or {})}
    ]
    return ChangeInWords(
        change,
        f"{ACTIONS[change.action]} {what.lower()}",
        _name_of(row) if row is not None else _name_in(change),
        _url(subject, row),
        [(label, old, new) for label, old, new in values if old != new],
        str(change.person) if change.person else "",
        _url("person", change.person),
    )


def _name_of(row: Any) -> str:
    return f"{row} of {row.user}" if isinstance(row, Account) else str(row)


def _name_in(change: Change) -> str:
    """What something that is gone was called."""
    values = change.before or change.after or {}
    return str(values.get("name") or change.about)


def _url(subject: str, row: Any) -> str:
    if row is None:
        return ""
    options = MODELS[subject]._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[row.pk])


def _label(name: str) -> str:
    return LABELS.get(name, name.capitalize())


def _side(values: dict[str, Any] | None, name: str, row: Any) -> str:
    """One side of a change in words; "" if the row did not exist on that side."""
    if values is None or (name == "password" and values[name] is None):
        return ""
    value = values.get(name)
    if name in LIMITS and isinstance(row, Account):
        limit = None if value is None else Decimal(value)
        return limit_in_words(limit, row.currency) if limit or name != LIMITS[0] else "none"
    if value is None or value == "":
        return NOTHING
    if name == "owner" and isinstance(row, Account):
        return str(row.user)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return WORDS.get(name, str)(value)
