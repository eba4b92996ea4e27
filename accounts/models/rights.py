"""The tables of groups and permissions, as proxy models with triggers: see `rights_triggers`."""

from typing import ClassVar

from django.contrib.auth.models import Group
from django.db import models
from pgtrigger import Trigger

from accounts.models.rights_triggers import (
    END_SESSIONS_OF_GROUP,
    END_SESSIONS_OF_PERSON,
    GROUP_NEEDS_APPROVAL,
    after_change,
)
from accounts.models.user import User


class GroupMembership(User.groups.through):  # type: ignore[name-defined,misc]
    """Membership of people in groups."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[Trigger]] = [
            *after_change("group_membership_ends_sessions", END_SESSIONS_OF_PERSON),
            GROUP_NEEDS_APPROVAL,
        ]


class PersonPermission(User.user_permissions.through):  # type: ignore[name-defined,misc]
    """Permissions that people have in addition to their groups' permissions."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[Trigger]] = after_change(
            "person_permission_ends_sessions", END_SESSIONS_OF_PERSON
        )


class GroupPermission(Group.permissions.through):  # type: ignore[name-defined,misc]
    """Permissions of groups."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[Trigger]] = after_change(
            "group_permission_ends_sessions", END_SESSIONS_OF_GROUP
        )


class ProviderGroup(models.Model):
    """A group of the setting OIDC_GROUPS, which the identity provider decides. `migrate` writes
    these rows.

    See Note [Rights by two].
    """

    name = models.CharField(primary_key=True, max_length=150)

    class Meta:
        db_table = "provider_groups"
        db_table_comment = "Groups that the identity provider gives to those who sign in there"
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


def read_session_version(*, instance: object, action: str, **_signal: object) -> None:
    """Reads the version again after the groups or permissions of this User instance changed."""
    if isinstance(instance, User) and action in ("post_add", "post_remove", "post_clear"):
        instance.refresh_from_db(fields=["session_version"])
