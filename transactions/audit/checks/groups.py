"""Checks that the permissions of each group are the permissions that `accounts.groups` defines.

The check compares the names of the permissions, because Django's tables of permissions have no
history. If somebody renames a permission in its table, the people who have this permission get a
different right, although no membership changes.
"""

from collections.abc import Iterator
from datetime import datetime

from django.contrib.auth.models import Group

from accounts.groups import PERMISSIONS
from transactions.audit.findings import Finding


def groups(_since: datetime | None = None) -> Iterator[Finding]:
    """Yields the first group whose permissions differ from the permissions in `accounts.groups`."""
    found: dict[str, set[str]] = {}
    rows = Group.objects.filter(name__in=PERMISSIONS).values_list(
        "name", "permissions__content_type__app_label", "permissions__codename"
    )
    for name, app, codename in rows:
        found.setdefault(name, set())
        if codename:
            found[name].add(f"{app}.{codename}")
    wanted = {name: {*permissions} for name, permissions in PERMISSIONS.items()}
    wrong = [name for name in wanted if name in found and found[name] != wanted[name]]
    for name in wrong[:1]:
        more, less = found[name] - wanted[name], wanted[name] - found[name]
        yield Finding(
            "permissions of a group",
            None,
            None,
            ", ".join(sorted(wanted[name])),
            ", ".join(sorted(found[name])),
            len(wrong),
            sentence=(
                f"Group {name} has other permissions than its table in accounts/groups.py:"
                f"{_listed(' it also has ', more)}{_listed(' it lacks ', less)}. Find out who"
                " changed the tables of groups and permissions; set their names back, then run"
                " manage.py migrate."
            ),
        )


def _listed(what: str, names: set[str]) -> str:
    return f"{what}{', '.join(sorted(names))}" if names else ""
