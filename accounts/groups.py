"""What each group may do. `manage.py migrate` makes the database match it.

PERMISSIONS has what is needed for the books; a feature registers what is its own in its module
`group_rights`, by `let`. docs/staff.md shows all of it.

Nobody may add, change or delete a transaction by hand, because only services move money, nor change
what a group may do: that is this table, in the repository. A bank that needs another group makes it
as the owner of the tables, see docs/staff.md.
"""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import Group, Permission, PermissionsMixin
from django.db import DEFAULT_DB_ALIAS
from django.db.models import QuerySet

if TYPE_CHECKING:
    from django.apps import AppConfig

logger = logging.getLogger(__name__)

ANALYSTS = "analysts"
SUPPORT = "support"
OPERATIONS = "operations"
AUDITOR = "auditor"
MANAGER = "manager"
PEOPLE_ADMIN = "people_admin"
# What nobody gets from one person alone: rights to move money, to change limits, to approve either
# and to give groups. See Note [Rights by two].
MONEY_RIGHTS = ("use_cash_desk", "refund_transactions", "manage_holds", "change_limits")
RIGHTS_BY_TWO = (*MONEY_RIGHTS, "decide_approvals", "give_groups")
# Of a bank that had the one group `staff`: its members, with what they could do there.

_READ_THE_BOOKS = (
    "accounts.view_account",
    "accounts.view_contact_details",
    "transactions.view_transaction",
    "transactions.view_entry",
    "transactions.view_auditrun",
    "transactions.view_seal",
)
_READ_THE_BANK = (
    *_READ_THE_BOOKS,
    "accounts.view_user",
    "accounts.view_statuschange",
    "accounts.view_currency",
    "accounts.view_limitchange",
    "accounts.view_approvalrequest",
)
READERS_OF_THE_BANK = (OPERATIONS, AUDITOR, MANAGER)
PERMISSIONS: dict[str, tuple[str, ...]] = {
    ANALYSTS: _READ_THE_BOOKS,
    # Without view_contact_details: see Note [Rights that show numbers].
    SUPPORT: ("accounts.view_user", "accounts.view_account", "accounts.view_statuschange"),
    OPERATIONS: (
        *_READ_THE_BANK,
        "accounts.add_user",
        "accounts.add_account",
        "accounts.change_account",
        "accounts.change_status",
        "transactions.use_cash_desk",
        "transactions.refund_transactions",
        "transactions.manage_holds",
        "transactions.run_audit",
    ),
    AUDITOR: (
        *_READ_THE_BANK,
        "auth.view_group",
        "accounts.view_change",
        "accounts.view_household",
        "accounts.view_read",
    ),
    MANAGER: (
        *_READ_THE_BANK,
        "accounts.change_account",
        "accounts.change_limits",
        "accounts.view_change",
        "accounts.decide_approvals",
        "accounts.add_currency",
        "accounts.change_currency",
        "transactions.run_audit",
    ),
    PEOPLE_ADMIN: (
        "accounts.view_user",
        "accounts.view_contact_details",
        "accounts.add_user",
        "accounts.change_user",
        "accounts.give_groups",
        "accounts.view_approvalrequest",  # those that they made: they see no accounts
        "accounts.view_household",
        "accounts.add_household",
        "accounts.change_household",
    ),
}
# The groups that members of a group may give, if they hold every permission of them themselves, and
# take away in any case. Superusers and `manage.py give_group` give all others: whoever could give a
# right that they lack would have it under another name.
MAY_GIVE: dict[str, tuple[str, ...]] = {
    PEOPLE_ADMIN: (ANALYSTS, SUPPORT, OPERATIONS, AUDITOR),
}


def let(*groups: str, do: Iterable[str]) -> None:
    """Adds permissions, such as "explorer.use_explorer", to these groups. For features."""
    for group in groups:
        PERMISSIONS[group] = (*PERMISSIONS[group], *do)


def ensure_groups(using: str = DEFAULT_DB_ALIAS) -> dict[str, Group]:
    """Makes the groups of the table, each with exactly its permissions, and returns them by name.

    Leaves other groups as they are, and logs what it changed in one of these. Raises LookupError if
    a permission does not exist yet, because only `migrate` creates permissions.
    """
    known = {
        f"{label}.{codename}": pk
        for pk, label, codename in Permission.objects.using(using).values_list(
            "pk", "content_type__app_label", "codename"
        )
    }
    groups = {}
    for name, wanted in PERMISSIONS.items():
        missing = [permission for permission in wanted if permission not in known]
        if missing:
            raise LookupError(f"There is no permission {missing[0]}; run migrate first.")
        groups[name], is_new = Group.objects.using(using).get_or_create(name=name)
        before = set(_labels(groups[name].permissions.select_related("content_type")))
        groups[name].permissions.set(known[permission] for permission in wanted)
        if not is_new and before != set(wanted):
            _tell_of_change(name, gained=set(wanted) - before, lost=before - set(wanted))
    return groups


def _tell_of_change(name: str, *, gained: set[str], lost: set[str]) -> None:
    logger.warning(
        "The group %s has the permissions of this version again: gained %s, lost %s. Rights of your"
        " own go into a group of your own (docs/staff.md).",
        name, ", ".join(sorted(gained)) or "nothing", ", ".join(sorted(lost)) or "nothing",
    )  # fmt: skip


def fill_groups(*, app_config: "AppConfig", using: str, **_signal: Any) -> None:
    """Makes the groups after `migrate`, when Django has made the permissions of the last app."""
    from django.apps import apps

    with_models = [each for each in apps.get_app_configs() if each.models_module]
    if app_config == with_models[-1]:
        ensure_groups(using)


def groups_given_by(giver: PermissionsMixin) -> "QuerySet[Group]":
    """The groups that this person may give to others: all for superusers; else those of MAY_GIVE
    and those that are not in the table, if the giver holds every permission of them.
    """
    if giver.is_superuser:
        return Group.objects.all()
    if not giver.has_perm("accounts.give_groups"):
        return Group.objects.none()
    asked = Group.objects.exclude(name__in=PERMISSIONS.keys() - _in_table(giver))
    held = [
        group.pk
        for group in asked.prefetch_related("permissions__content_type")
        if giver.has_perms(_labels(group.permissions.all()))
    ]
    return Group.objects.filter(pk__in=held)


def groups_left_to(giver: PermissionsMixin, person: PermissionsMixin) -> "QuerySet[Group]":
    """The groups that the person may be in after the giver's change: those that the giver may give,
    and those that the person has, because nobody must be able to give what they may take away.
    """
    given, own = groups_given_by(giver), person.groups.all()
    return Group.objects.filter(
        pk__in=[*given.values_list("pk", flat=True), *own.values_list("pk", flat=True)]
    )


def may_take_all_groups_of(giver: PermissionsMixin, person: PermissionsMixin) -> bool:
    """Whether the giver may take away every group that the person is in."""
    if giver.is_superuser:
        return True
    takes = _in_table(giver)
    given = {group.name for group in groups_given_by(giver)}
    return giver.has_perm("accounts.give_groups") and all(
        group.name in takes or group.name in given for group in person.groups.all()
    )


def _in_table(giver: PermissionsMixin) -> set[str]:
    """The groups of MAY_GIVE for this person."""
    return {name for own in giver.groups.all() for name in MAY_GIVE.get(own.name, ())}


def _labels(permissions: Iterable[Permission]) -> list[str]:
    return [f"{each.content_type.app_label}.{each.codename}" for each in permissions]
