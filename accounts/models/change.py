"""The history of people, accounts, groups and currencies: one row for each change."""

from typing import Any, ClassVar, Self

import pgtrigger
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group
from django.db import models

from accounts.models.change_triggers import recorded
from accounts.models.user import User
from accounts.shown import add_unnamed
from ledger.db.history.register import A_UUID, EMPTIED, WITHOUT_KEYS, registered
from ledger.db.triggers import stays


class Change(models.Model):
    """A change of a row: the author, the time, the page or command, the reason, and the values
    before and after. Only triggers insert these rows. The rows are never changed or deleted: see
    Note [History by triggers].

    `before` and `after` contain the changed values, with amounts as text. `about` is the id of the
    object whose history contains the row, for example the person of a membership. `path` is the
    page or the command of the change. If `person` is empty, a command or an unauthenticated request
    made the change. If `proved` is not true, the author, the page and the request may be forged:
    see Note [Signed facts].
    """

    id = models.UUIDField(primary_key=True, editable=False)
    changed_at = models.DateTimeField()
    table_name = models.CharField(max_length=63)
    about = models.CharField(max_length=40)
    action = models.CharField(
        max_length=6, db_comment="insert, update, delete, or noted: the state then"
    )
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    person = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    address = models.CharField(max_length=200, db_comment="Of the client, as the request said")
    path = models.CharField(max_length=200, db_comment="The page, or the command")
    request = models.CharField(max_length=200, db_comment="As in the security log")
    reason = models.CharField(max_length=500)
    role = models.CharField(max_length=63, db_comment="Of the database, whatever the request said")
    session = models.CharField(max_length=60, db_comment="Of the database: process id and address")
    proved = models.BooleanField(
        null=True,
        db_comment="Whether the facts (who, from where, by which page, why) had a right signature;"
        " null: there were none",
    )

    class Meta:
        db_table = "changes"
        db_table_comment = "Who changed people, accounts, groups and currencies; rows of triggers"
        default_permissions = ("view",)
        verbose_name_plural = "history"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-changed_at", "-id"], name="changes_newest"),
            models.Index(fields=["table_name", "about", "-changed_at"], name="changes_about"),
            models.Index(fields=["person", "-changed_at"], name="changes_by_person"),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            *registered(
                about=lambda row: (
                    f"CASE {row}.table_name WHEN 'accounts' THEN"
                    f" substring({row}.about from '^{A_UUID}$')::uuid END"
                ),
                erased={
                    "before": WITHOUT_KEYS,
                    "after": WITHOUT_KEYS,
                    "address": EMPTIED,
                    "reason": EMPTIED,
                },
            ),
            *stays("change_stays", "changes_stay", "The history is never edited or deleted."),
        ]

    def __str__(self) -> str:
        return f"{self.action} of {self.table_name} {self.about}"

    @classmethod
    def from_db(cls, *arguments: Any, **options: Any) -> Self:
        """Creates the instance and reports it to the read log, see Note [Whose data]. A change can
        contain names of people whose rows are deleted.
        """
        add_unnamed()
        return super().from_db(*arguments, **options)


# Triggers on tables of Django and allauth are declared on proxy models, so that our migrations
# create the triggers. The history stores the names of groups and permissions, because their rows
# may be deleted later.
GROUP_NAME = "(SELECT name FROM auth_group WHERE id = {row}.group_id)"
PERMISSION_NAME = """(SELECT app_label || '.' || codename FROM auth_permission AS permission
    JOIN django_content_type AS type ON type.id = content_type_id
    WHERE permission.id = {row}.permission_id)"""


class RecordedGroup(Group):
    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = recorded(
            "auth_group", {"name": "{row}.name"}, "name"
        )


class RecordedMembership(User.groups.through):  # type: ignore[name-defined,misc]
    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = recorded(
            "users_groups",
            {"group": GROUP_NAME, "group_id": "{row}.group_id"},
            "user_id",
            "group_id",
            about="{row}.user_id",
        )


class RecordedUserPermission(User.user_permissions.through):  # type: ignore[name-defined,misc]
    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = recorded(
            "users_user_permissions",
            {"permission": PERMISSION_NAME, "permission_id": "{row}.permission_id"},
            "user_id",
            "permission_id",
            about="{row}.user_id",
        )


class RecordedGroupPermission(Group.permissions.through):  # type: ignore[name-defined,misc]
    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = recorded(
            "auth_group_permissions",
            {"permission": PERMISSION_NAME, "permission_id": "{row}.permission_id"},
            "group_id",
            "permission_id",
            about="{row}.group_id",
        )


class RecordedEmailAddress(EmailAddress):  # type: ignore[misc]
    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = recorded(
            "account_emailaddress",
            {"email": "{row}.email", "verified": "{row}.verified", "primary": '{row}."primary"'},
            "user_id",
            "email",
            "verified",
            "primary",
            about="{row}.user_id",
        )


class RecordedAuthenticator(Authenticator):  # type: ignore[misc]
    """The history of second factors: their addition and removal. The data of a factor is not
    recorded, because it is secret and is written at each use.
    """

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = recorded(
            "mfa_authenticator",
            {"second factor": "{row}.type"},
            "user_id",
            "type",
            about="{row}.user_id",
        )


class RecordedSocialAccount(SocialAccount):  # type: ignore[misc]
    """An account at an identity provider with which this person can sign in."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = recorded(
            "socialaccount_socialaccount",
            {"provider": "{row}.provider", "account there": "{row}.uid"},
            "user_id",
            "provider",
            "uid",
            about="{row}.user_id",
        )


RECORDED = {
    "accounts", "account_status_changes", "reads", "limit_changes", "households", "users",
    "currencies", "approval_thresholds", "auth_group", "users_groups",
    "users_user_permissions", "auth_group_permissions", "account_emailaddress",
    "mfa_authenticator", "socialaccount_socialaccount", "transaction_notes", "django_admin_log",
    "approval_requests", "api_tokens",
}  # fmt: skip
