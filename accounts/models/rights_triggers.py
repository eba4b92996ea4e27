"""Triggers that run when people's rights change, whatever code makes the change.

After a change of a person's rights, a trigger raises `users.session_version`. Every session is
compared with this version, so the sessions of the person end.

Note [Rights by two]: a user who could give other people the right to move money without approval
could invent clerks, and each clerk would have a separate daily sum. A user who could give the right
to approve could let an invented person approve the user's own requests. Therefore adding a person
to a group with one of RIGHTS_BY_TWO needs an approved request, and members must become staff before
they join such a group. The rule does not apply to the owner of the tables, as in Note [Four eyes].
The rule does not apply to the identity provider either, for the groups of OIDC_GROUPS and people
who sign in at the provider. `migrate` writes these groups into `provider_groups`, which the web
role can only read.
"""

from pgtrigger import After, Before, Condition, Delete, Insert, Trigger, Update, UpdateOf

from accounts.groups import RIGHTS_BY_TWO
from accounts.models.approval_triggers import APPLIES, one_of
from ledger.db.triggers import FirmTrigger, refuse

COLUMNS_OF_RIGHTS = ("is_staff", "is_superuser", "deleted_at", "session_version")
END_SESSIONS_OF_PERSON = """
    UPDATE users SET session_version = session_version + 1
     WHERE id = ANY(ARRAY[OLD.user_id, NEW.user_id]);
    RETURN NULL;
"""
END_SESSIONS_OF_GROUP = """
    UPDATE users SET session_version = session_version + 1
     WHERE id IN (SELECT user_id FROM users_groups
                   WHERE group_id = ANY(ARRAY[OLD.group_id, NEW.group_id]));
    RETURN NULL;
"""


def after_change(name: str, func: str) -> list[Trigger]:
    """Returns the trigger that runs `func` after each insert, update or delete. `func` has the
    rights of the table owner, because a role that may change groups may not change people.
    """
    return [
        FirmTrigger(
            name=name, when=After, operation=Insert | Update | Delete, func=func, definer=True
        )
    ]


def of_users() -> list[Trigger]:
    """Returns the trigger of the table `users`. After a change of rights, the trigger raises
    `session_version`. The trigger refuses a version that is lower than before.
    """
    return [
        FirmTrigger(
            name="user_rights_end_sessions",
            when=Before,
            operation=UpdateOf(*COLUMNS_OF_RIGHTS),  # type: ignore[no-untyped-call]
            func="""
                NEW.session_version := GREATEST(OLD.session_version, NEW.session_version);
                IF (OLD.is_staff, OLD.is_superuser, OLD.deleted_at)
                    IS DISTINCT FROM (NEW.is_staff, NEW.is_superuser, NEW.deleted_at) THEN
                    NEW.session_version := NEW.session_version + 1;
                END IF;
                RETURN NEW;
            """,
        )
    ]


def _by_two(membership: str) -> str:
    """Returns the SQL condition that a membership needs the approval of a second person: the group
    has one of RIGHTS_BY_TWO, and the identity provider does not decide this membership.
    """
    return f"""(EXISTS (
            SELECT FROM auth_group_permissions
            JOIN auth_permission ON auth_permission.id = permission_id
            WHERE group_id = {membership}.group_id AND {one_of(RIGHTS_BY_TWO)}
        ) AND NOT EXISTS (
            SELECT FROM provider_groups
            JOIN auth_group USING (name)
            JOIN socialaccount_socialaccount AS known ON known.user_id = {membership}.user_id
            WHERE auth_group.id = {membership}.group_id
        ))"""


GROUP_NEEDS_APPROVAL = FirmTrigger(
    name="group_needs_approval",
    when=After,
    operation=Insert,
    definer=True,
    func=f"""
        IF {APPLIES} AND {_by_two("NEW")} THEN
            UPDATE approval_requests SET status = 'done', used_at = clock_timestamp()
            WHERE kind = 'group' AND status = 'approved' AND expires_at > clock_timestamp()
              AND person_id = NEW.user_id
              AND parameters->>'group' = (SELECT name FROM auth_group WHERE id = NEW.group_id);
            IF NOT FOUND THEN
                {refuse("group_needs_approval", "Another person must approve this group first.")}
            END IF;
        END IF;
        RETURN NULL;
    """,
)
STAFF_BEFORE_GROUPS = FirmTrigger(
    name="staff_before_groups",
    when=After,
    operation=UpdateOf("is_staff"),  # type: ignore[no-untyped-call]
    condition=Condition("NEW.is_staff AND NOT OLD.is_staff"),
    definer=True,
    func=f"""
        IF {APPLIES} AND EXISTS (
            SELECT FROM users_groups AS membership
            WHERE user_id = NEW.id AND {_by_two("membership")}
        ) THEN
            {refuse("staff_before_groups", "Members of this group become staff by an approval.")}
        END IF;
        RETURN NULL;
    """,
)
