"""The permissions of each group. `manage.py migrate` writes the permissions into the database.

PERMISSIONS contains the permissions of the ledger. Each feature adds permissions with `let`, in its
module `group_rights`. docs/staff.md lists all permissions.

No group may change transactions, because only services move money. No group may change groups,
because this module defines the groups. The owner of the tables can create further groups, see
docs/staff.md.
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
# Rights that need a second person: rights to move money, to change limits, to approve such actions,
# and to add people to groups. See Note [Rights by two].
MONEY_RIGHTS = ("use_cash_desk", "refund_transactions", "manage_holds", "change_limits")
RIGHTS_BY_TWO = (*MONEY_RIGHTS, "decide_approvals", "give_groups")

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
    # The group does not have view_contact_details: see Note [Rights that show numbers].
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
        "accounts.view_approvalrequest",  # only requests about people; this group sees no accounts
        "accounts.view_household",
        "accounts.add_household",
        "accounts.change_household",
    ),
}
# Maps a group to the groups from which its members may remove people. The members may also add
# people to these groups, if they have all permissions of the group. Superusers and `manage.py
# give_group` add people to all other groups. Without this rule, users could give a right that they
# lack to a second account which they control.
MAY_GIVE: dict[str, tuple[str, ...]] = {
    PEOPLE_ADMIN: (ANALYSTS, SUPPORT, OPERATIONS, AUDITOR),
}


def let(*groups: str, do: Iterable[str]) -> None:
    """Adds permissions, such as "explorer.use_explorer", to these groups. Called by features."""
    for group in groups:
        PERMISSIONS[group] = (*PERMISSIONS[group], *do)


def ensure_groups(using: str = DEFAULT_DB_ALIAS) -> dict[str, Group]:
    """Creates the groups of PERMISSIONS, corrects their permissions, and returns the groups by
    name. Other groups do not change. Corrections are logged.

    Raises: LookupError for a permission that `migrate` has not created yet.
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
            _log_change(name, gained=set(wanted) - before, lost=before - set(wanted))
    return groups


def _log_change(name: str, *, gained: set[str], lost: set[str]) -> None:
    logger.warning(
        "The group %s has the permissions of this version again: gained %s, lost %s. Put your"
        " own rights into a separate group (docs/staff.md).",
        name, ", ".join(sorted(gained)) or "nothing", ", ".join(sorted(lost)) or "nothing",
    )  # fmt: skip


def fill_groups(*, app_config: "AppConfig", using: str, **_signal: Any) -> None:
    """Creates the groups after `migrate`, when all permissions exist."""
    from django.apps import apps

    with_models = [each for each in apps.get_app_configs() if each.models_module]
    if app_config == with_models[-1]:
        ensure_groups(using)


def groups_given_by(giver: PermissionsMixin) -> "QuerySet[Group]":
    """Returns the groups to which this user (`giver`) may add other people. Superusers may add
    people to all groups.

    Other users need the permission give_groups and all permissions of the group. If the group is in
    PERMISSIONS, MAY_GIVE must also list the group for one of the user's groups.
    """
    if giver.is_superuser:
        return Group.objects.all()
    if not giver.has_perm("accounts.give_groups"):
        return Group.objects.none()
    candidates = Group.objects.exclude(name__in=PERMISSIONS.keys() - _in_table(giver))
    held = [
        group.pk
        for group in candidates.prefetch_related("permissions__content_type")
        if giver.has_perms(_labels(group.permissions.all()))
    ]
    return Group.objects.filter(pk__in=held)


def groups_left_to(giver: PermissionsMixin, person: PermissionsMixin) -> "QuerySet[Group]":
    """Returns the groups that a person may have after a change by the giver: the person's current
    groups, and the groups to which the giver may add people.
    """
    given, own = groups_given_by(giver), person.groups.all()
    return Group.objects.filter(
        pk__in=[*given.values_list("pk", flat=True), *own.values_list("pk", flat=True)]
    )


def may_take_all_groups_of(giver: PermissionsMixin, person: PermissionsMixin) -> bool:
    """Returns whether the giver may remove the person from all their groups."""
    if giver.is_superuser:
        return True
    takes = _in_table(giver)
    given = {group.name for group in groups_given_by(giver)}
    return giver.has_perm("accounts.give_groups") and all(
        group.name in takes or group.name in given for group in person.groups.all()
    )


def _in_table(giver: PermissionsMixin) -> set[str]:
    """Returns the names of the groups that MAY_GIVE lists for the groups of this user. The user may
    add people to the groups with these names.
    """
    return {name for own in giver.groups.all() for name in MAY_GIVE.get(own.name, ())}


def _labels(permissions: Iterable[Permission]) -> list[str]:
    return [f"{each.content_type.app_label}.{each.codename}" for each in permissions]
