"""Sets the groups of a user at each sign-in through the provider. The provider decides about the
groups in the setting OIDC_GROUPS.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group
from django.db import DEFAULT_DB_ALIAS, IntegrityError, ProgrammingError
from django.db import transaction as db_transaction

from accounts.groups import ANALYSTS, PERMISSIONS
from accounts.models import ProviderGroup, User
from accounts.sign_in.providers.current import configured, is_configured
from ledger import env
from ledger.db.history import facts
from ledger.db.retry import sqlstate, with_retry
from ledger.web import security_log

WHY = "The groups at the identity provider"  # the reason in the history
NO_RIGHT = "42501"  # insufficient_privilege
STAFF_GROUPS = frozenset(PERMISSIONS) - {ANALYSTS}  # their members use the admin


def check_names() -> None:
    """Stops the process with a message if OIDC_GROUPS contains a group that does not exist."""
    for name in configured().groups.values() if is_configured() else ():
        if name not in PERMISSIONS:
            env.refuse("OIDC_GROUPS", f"{name!r} is not one of the groups {', '.join(PERMISSIONS)}")


def groups_claimed(claims: dict[str, Any]) -> list[str]:
    """Returns the names of the user's groups at the provider. Returns an empty list if the claim is
    missing or is not a list.
    """
    found = claims.get(configured().groups_claim, [])
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def write_provider_groups(*, using: str = DEFAULT_DB_ALIAS, **_signal: Any) -> bool:
    """Writes the groups of the setting OIDC_GROUPS into the database: see Note [Rights by two].
    This function is called after `migrate` and before the server starts. Returns whether a row
    changed.
    """
    rows = ProviderGroup.objects.using(using)
    wanted = set(configured().groups.values()) if is_configured() else set()
    if set(rows.values_list("name", flat=True)) == wanted:
        return False
    rows.exclude(name__in=wanted).delete()
    rows.bulk_create([ProviderGroup(name=name) for name in wanted], ignore_conflicts=True)
    return True


@with_retry
def set_groups(*, user: User, claimed: Iterable[str]) -> bool:
    """Adds the user to the groups that OIDC_GROUPS assigns to the claims, and removes the user from
    the other groups of OIDC_GROUPS. Returns whether the groups changed. Other groups do not change.

    A user in a group of staff becomes staff, but never a superuser.
    """
    groups = configured().groups
    wanted = {groups[name] for name in claimed if name in groups}
    with db_transaction.atomic(durable=True):
        person = User.objects.locked([user.pk]).get()
        current = set(person.groups.values_list("name", flat=True))
        lost = (set(groups.values()) - wanted) & current
        if wanted != current:
            facts.set_reason(WHY)
        person.groups.remove(*Group.objects.filter(name__in=lost))
        gained = {name for name in sorted(wanted - current) if _gives(person, name)}
        if (gained | lost) & STAFF_GROUPS and not person.is_superuser:
            person.is_staff = bool(((current | gained) - lost) & STAFF_GROUPS)
            person.save(update_fields=["is_staff"])
    user.refresh_from_db()  # a new session must have the current rights
    if gained or lost:
        security_log.record("groups.changed", person=user, gained=len(gained), lost=len(lost))
    return bool(gained or lost)


def _gives(person: User, name: str) -> bool:
    """Adds the user to a group and returns True. For a group of staff, also makes the user staff.

    Returns False and changes nothing if the database refuses the membership. This happens if
    `migrate` was not run after a change of OIDC_GROUPS, so that the table `provider_groups` does
    not contain the group.
    """
    try:
        with db_transaction.atomic():
            if name in STAFF_GROUPS:
                User.objects.filter(pk=person.pk, is_staff=False).update(is_staff=True)
            person.groups.add(*Group.objects.filter(name=name))
    except (IntegrityError, ProgrammingError) as error:
        rule = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
        by_rule = rule in ("group_needs_approval", "staff_before_groups")
        if not by_rule and sqlstate(error) != NO_RIGHT:  # the error of row-level security
            raise
        security_log.record("groups.changed", outcome="refused", person=person, gained=0, lost=0)
        return False
    return True
