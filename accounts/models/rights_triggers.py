"""Triggers that end a person's sessions when their rights change, whoever changes them and how.

Each raises `users.session_version`, which is part of what a session is checked against.
"""

from pgtrigger import After, Before, Delete, Insert, Trigger, Update, UpdateOf

from ledger.db.triggers import FirmTrigger

COLUMNS_OF_RIGHTS = ("is_staff", "is_superuser", "deleted_at", "session_version")
OF_THE_PERSON = """
    UPDATE users SET session_version = session_version + 1
     WHERE id = ANY(ARRAY[OLD.user_id, NEW.user_id]);
    RETURN NULL;
"""
OF_THE_GROUP = """
    UPDATE users SET session_version = session_version + 1
     WHERE id IN (SELECT user_id FROM users_groups
                   WHERE group_id = ANY(ARRAY[OLD.group_id, NEW.group_id]));
    RETURN NULL;
"""


def after_change(name: str, func: str) -> list[Trigger]:
    """Runs as the owner: a role that may change groups need not change people."""
    return [
        FirmTrigger(
            name=name, when=After, operation=Insert | Update | Delete, func=func, definer=True
        )
    ]


def of_users() -> list[Trigger]:
    """The trigger of the table `users` itself. The version never falls, whatever is written."""
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
