"""Proxy models of the tables of groups and permissions, with triggers: see `rights_triggers`."""

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
    """A membership of a person in a group."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[Trigger]] = [
            *after_change("group_membership_ends_sessions", END_SESSIONS_OF_PERSON),
            GROUP_NEEDS_APPROVAL,
        ]


class PersonPermission(User.user_permissions.through):  # type: ignore[name-defined,misc]
    """A permission that a person has in addition to the permissions of their groups."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[Trigger]] = after_change(
            "person_permission_ends_sessions", END_SESSIONS_OF_PERSON
        )


class GroupPermission(Group.permissions.through):  # type: ignore[name-defined,misc]
    """A permission of a group."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[Trigger]] = after_change(
            "group_permission_ends_sessions", END_SESSIONS_OF_GROUP
        )


class ProviderGroup(models.Model):
    """A group of the setting OIDC_GROUPS. The identity provider decides who its members are.
    `migrate` writes these rows.

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
    """Reads `session_version` of this User instance again, after a change of groups or
    permissions.
    """
    if isinstance(instance, User) and action in ("post_add", "post_remove", "post_clear"):
        instance.refresh_from_db(fields=["session_version"])
