"""Prepares changes for the history page: labels, links to objects, and the stored row."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.urls import reverse

from accounts.admin.change_labels import (
    ALL_OTHERS,
    SUBJECTS,
    WORDS,
    Words,
    label_of,
    title_of,
    writer_of,
)
from accounts.admin.columns import limit_in_words
from accounts.models import LIMITS, SETTINGS, Account, Change, Currency, Household, User

NOTHING = "nothing"
PROOF = {True: "yes, by its signature", False: "no", None: ""}
MODELS: dict[str, type[Any]] = {
    "account": Account, "person": User, "group": Group, "currency": Currency,
    "household": Household,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChangeInWords:
    """A row of the history for a template. `values` contains tuples of label, old value and new
    value. The old value is "" if the value was added, and the new value is "" if it was removed.
    """

    change: Change
    title: str
    subject: str
    url: str
    values: list[tuple[str, str, str]]
    by: str
    by_url: str
    writer: str

    @property
    def command(self) -> str:
        """The command that made the change, or "" if a page made the change."""
        return self.change.path if self.change.path.startswith("manage.py ") else ""

    @property
    def place(self) -> str:
        """Where the change was made: "in the admin" or "on the site". The text is "" if a command
        made the change, or if the page is unknown.
        """
        if self.command or not self.change.path:
            return ""
        return (
            "in the admin" if self.change.path.startswith(reverse("admin:index")) else "on the site"
        )

    @property
    def record(self) -> list[tuple[str, str]]:
        """The stored row of the history as pairs of label and value, for comparing with logs."""
        change = self.change
        sides = [
            (label, json.dumps(side, ensure_ascii=False))
            for label, side in (("Before", change.before), ("After", change.after))
            if side is not None
        ]
        stored = [
            ("Time", change.changed_at.isoformat()),
            ("Table", change.table_name),
            ("Object", change.about),
            *sides,
            ("Page or command", change.path),
            ("Request", change.request),
            ("Database role", change.role),
            ("Database session", change.session),
            ("Proved", PROOF[change.proved]),
        ]
        return [(label, value) for label, value in stored if value]


def in_words(changes: Sequence[Change], reader: User) -> list[ChangeInWords]:
    """Returns the changes for a page, with links to the objects that this user may see. Makes one
    query for each kind of object among the changes, and one query for the owner of the tables.
    """
    subjects = {change.pk: _subject_of(change.table_name) for change in changes}
    found: dict[str, Mapping[str, Any]] = {}
    for subject, model in MODELS.items():
        ids = {change.about for change in changes if subjects[change.pk] == subject}
        rows = model.objects.filter(pk__in=ids)
        if subject == "account":
            rows = rows.select_related("user")
        elif subject == "person":
            rows = rows.shown()
        found[subject] = {str(row.pk): row for row in rows} if ids else {}
    seen = {name for name, model in MODELS.items() if reader.has_perm(_right_to_see(model))}
    words: Words = {**WORDS, "permission": _permissions_in(changes).get}
    owner = _owner() if changes else ""
    return [
        _change_in_words(
            change,
            subjects[change.pk],
            found[subjects[change.pk]].get(change.about),
            words,
            writer_of(change.role, owner),
            seen,
        )
        for change in changes
    ]


def _owner() -> str:
    """Returns the name of the database role that owns the tables."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = %s::regclass",
            [Change._meta.db_table],
        )
        (owner,) = cursor.fetchone()
    return str(owner)


def _permissions_in(changes: Sequence[Change]) -> dict[str, str]:
    """Returns the names of the permissions in the history. The keys are the stored texts
    (`app.codename`). A permission is found by its codename only, because old rows contain an app
    label that no longer exists.
    """
    texts = {
        side["permission"]
        for change in changes
        for side in (change.before, change.after)
        if side and side.get("permission")
    }
    codenames = {text.partition(".")[2] for text in texts}
    rows = Permission.objects.filter(codename__in=codenames).select_related("content_type")
    known = {row.codename: row.name for row in rows}
    known |= {f"{row.content_type.app_label}.{row.codename}": row.name for row in rows}
    return {text: known.get(text, known.get(text.partition(".")[2], text)) for text in texts}


def _subject_of(table: str) -> str:
    return next(name for name, (_, tables) in SUBJECTS.items() if table in tables)


def _right_to_see(model: type[Any]) -> str:
    return f"{model._meta.app_label}.view_{model._meta.model_name}"


def _change_in_words(
    change: Change, subject: str, row: Any, words: Words, writer: str, seen: set[str]
) -> ChangeInWords:
    names = {**(change.before or {}), **(change.after or {})}
    for name in ("household", "group", "permission"):
        if name in names:  # the id is only in the record
            names.pop(f"{name}_id", None)
    values = [
        (
            label_of(name),
            _side(change.before, name, row, words),
            _side(change.after, name, row, words),
        )
        for name in names
    ]
    return ChangeInWords(
        change,
        title_of(change, subject),
        _name_of(row) if row is not None else _name_in(change),
        _url(subject, row) if subject in seen else "",
        [(label, old, new) for label, old, new in values if old != new],
        str(change.person) if change.person else "",
        _url("person", change.person) if "person" in seen else "",
        writer,
    )


def _name_of(row: Any) -> str:
    return f"{row} of {row.user}" if isinstance(row, Account) else str(row)


def _name_in(change: Change) -> str:
    """Returns the name of an object without a row, from the values of the change."""
    if change.about == "*":
        return ALL_OTHERS
    values = change.before or change.after or {}
    return str(values.get("name") or change.about)


def _url(subject: str, row: Any) -> str:
    if row is None:
        return ""
    options = MODELS[subject]._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[row.pk])


def _side(values: dict[str, Any] | None, name: str, row: Any, words: Words) -> str:
    """Returns the value `name` as text, before or after a change. `values` contains all values at
    that time. Returns "" if `values` is None, because there was no row at that time.
    """
    if values is None or (name == "password" and values[name] is None):
        return ""
    value = values.get(name)
    if name in LIMITS and isinstance(row, Account):
        limit = None if value is None else Decimal(value)
        return limit_in_words(limit, row.currency)
    if value is None or value == "":
        return NOTHING
    if name == "owner" and isinstance(row, Account):
        return str(row.user)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(row, Account) and (choices := SETTINGS.get(name)):
        value = dict(choices.choices).get(value, value)
    return str(words.get(name, str)(value))
