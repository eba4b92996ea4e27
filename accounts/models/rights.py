"""The tables of groups and permissions, as proxies that carry triggers: see `rights_triggers`."""

from typing import ClassVar

from django.contrib.auth.models import Group
from django.db import models
from pgtrigger import Trigger

from accounts.models.rights_triggers import (
    GROUP_NEEDS_APPROVAL,
    OF_THE_GROUP,
    OF_THE_PERSON,
    after_change,
)
from accounts.models.user import User


class GroupMembership(User.groups.through):  # type: ignore[name-defined,misc]
    """Who is in which group."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[Trigger]] = [
            *after_change("group_membership_ends_sessions", OF_THE_PERSON),
            GROUP_NEEDS_APPROVAL,
        ]


class PersonPermission(User.user_permissions.through):  # type: ignore[name-defined,misc]
    """Which permissions people have besides those of their groups."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[Trigger]] = after_change(
            "person_permission_ends_sessions", OF_THE_PERSON
        )


class GroupPermission(Group.permissions.through):  # type: ignore[name-defined,misc]
    """Which permissions groups have."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[Trigger]] = after_change(
            "group_permission_ends_sessions", OF_THE_GROUP
        )


class ProviderGroup(models.Model):
    """A group that the identity provider decides, of the setting OIDC_GROUPS; `migrate` writes it.

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
    """Reads the version again after groups or permissions of this instance of a person changed."""
    if isinstance(instance, User) and action in ("post_add", "post_remove", "post_clear"):
        instance.refresh_from_db(fields=["session_version"])
