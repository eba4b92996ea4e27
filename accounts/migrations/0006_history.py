"""The triggers that write the history of people, accounts, groups and currencies."""

from collections.abc import Iterable

from django.db import migrations
from pgtrigger.migrations import AddTrigger

from ledger.db.triggers import FixedTrigger

# Records that a password was set or removed, but not the password or its hash. Django stores "!"
# and random letters for an unusable password.
SET_ANEW = """
                IF TG_OP = 'UPDATE' AND OLD.password <> NEW.password
                    AND (left(OLD.password, 1) <> '!' OR left(NEW.password, 1) <> '!') THEN
                    before := before || '{"password": null}';
                    after := after || jsonb_build_object('password', CASE left(NEW.password, 1)
                        WHEN '!' THEN 'removed' ELSE 'set anew' END);
                END IF;"""
INSERT = """
                INSERT INTO changes (id, changed_at, table_name, about, action, before, after,
                    person_id, address, path, request, reason, role, session, proved)
                VALUES (gen_random_uuid(), clock_timestamp(), TG_TABLE_NAME, {about}, {action},
                    {before}, {after}, (facts ->> 'person')::uuid,
                    coalesce(facts ->> 'address', ''), coalesce(facts ->> 'path', ''),
                    coalesce(facts ->> 'request', ''), coalesce(facts ->> 'reason', ''),
                    coalesce(nullif(current_setting('role'), 'none'), session_user),
                    pg_backend_pid() || coalesce(' at ' || host(inet_client_addr()), ''),
                    (facts ->> 'proved')::boolean);"""
REMOVED = INSERT.format(about="was_about", action="'delete'", before="before", after="NULL")
ADDED = INSERT.format(about="is_about", action="'insert'", before="NULL", after="after")
CHANGED = INSERT.format(
    about="coalesce(is_about, was_about)", action="lower(TG_OP)", before="before", after="after"
)


def recorded(
    model: str,
    table: str,
    *,
    values: dict[str, str],
    columns: Iterable[str] = (),
    about: str = "{row}.id",
    password: bool = False,
) -> AddTrigger:
    """Returns the trigger that writes the history of one table: see
    `accounts.models.change_triggers`.
    """

    def state_of(row: str) -> str:
        parts = (f"'{name}', {sql.strip().replace('{row}', row)}" for name, sql in values.items())
        return f"jsonb_build_object({', '.join(parts)})"

    updates = ", ".join(f'"{column}"' for column in columns)
    return AddTrigger(
        model,
        FixedTrigger(
            name="change_is_recorded",
            kind="definer",
            table=table,
            when="AFTER",
            operation="INSERT OR DELETE" + (f" OR UPDATE OF {updates}" if updates else ""),
            declare="DECLARE before jsonb; after jsonb; facts jsonb; was_about text; is_about text;",
            func=f"""
                facts := told_facts();
                IF TG_OP <> 'INSERT' THEN
                    before := {state_of("OLD")};
                    was_about := ({about.replace("{row}", "OLD")})::text;
                END IF;
                IF TG_OP <> 'DELETE' THEN
                    after := {state_of("NEW")};
                    is_about := ({about.replace("{row}", "NEW")})::text;
                END IF;
                IF TG_OP = 'UPDATE' AND was_about <> is_about THEN
                    {REMOVED}
                    {ADDED}
                    RETURN NULL;
                END IF;
                {SET_ANEW if password else ""}
                IF TG_OP = 'UPDATE' THEN
                    SELECT jsonb_object_agg(key, value), jsonb_object_agg(key, after -> key)
                    INTO before, after
                    FROM jsonb_each(before) WHERE value IS DISTINCT FROM after -> key;
                    IF before IS NULL THEN
                        RETURN NULL;
                    END IF;
                END IF;
                {CHANGED}
                RETURN NULL;
            """,
        ),
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_rules_of_staff")]

    operations = [
        recorded("household", "households", values={"name": "{row}.name"}, columns=["name"]),
        recorded(
            "user",
            "users",
            values={
                "email": "{row}.email",
                "name": "{row}.name",
                "deleted_at": """
                    to_char({row}.deleted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                """,
                "is_staff": "{row}.is_staff",
                "is_superuser": "{row}.is_superuser",
                "household": "(SELECT name FROM households WHERE id = {row}.household_id)",
                "household_id": "{row}.household_id",
            },
            columns=[
                "email",
                "name",
                "deleted_at",
                "is_staff",
                "is_superuser",
                "household_id",
                "password",
            ],
            password=True,
        ),
        recorded(
            "account",
            "accounts",
            values={
                "owner": "{row}.user_id",
                "number": "{row}.number",
                "name": "{row}.name",
                "currency": "{row}.currency",
                "status": "{row}.status",
                "overdraft_limit": "{row}.overdraft_limit::text",
                "transfer_limit": "{row}.transfer_limit::text",
                "daily_limit": "{row}.daily_limit::text",
            },
            columns=[
                "user_id",
                "number",
                "name",
                "currency",
                "status",
                "overdraft_limit",
                "transfer_limit",
                "daily_limit",
            ],
        ),
        recorded(
            "apitoken",
            "api_tokens",
            values={
                "prefix": "{row}.prefix",
                "scopes": "array_to_string({row}.scopes, ', ')",
                "per_payment": "{row}.per_payment::text",
                "per_day": "{row}.per_day::text",
                "currency": "nullif({row}.currency, '')",
                "expires_at": """
                    to_char({row}.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                """,
                "revoked_at": """
                    to_char({row}.revoked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                """,
            },
            columns=["revoked_at"],
            about="{row}.user_id",
        ),
        recorded(
            "approvalthreshold",
            "approval_thresholds",
            values={"currency": "{row}.currency", "amount": "{row}.amount::text"},
            columns=["currency", "amount"],
            about="{row}.currency",
        ),
        recorded(
            "currency",
            "currencies",
            values={
                "code": "{row}.code",
                "name": "{row}.name",
                "minor_units": "{row}.minor_units",
                "is_open": "{row}.is_open",
            },
            columns=["code", "name", "minor_units", "is_open"],
            about="{row}.code",
        ),
        recorded("recordedgroup", "auth_group", values={"name": "{row}.name"}, columns=["name"]),
        recorded(
            "recordedmembership",
            "users_groups",
            values={
                "group": "(SELECT name FROM auth_group WHERE id = {row}.group_id)",
                "group_id": "{row}.group_id",
            },
            columns=["user_id", "group_id"],
            about="{row}.user_id",
        ),
        recorded(
            "recordeduserpermission",
            "users_user_permissions",
            values={
                "permission": """
                    (SELECT app_label || '.' || codename FROM auth_permission AS permission
                        JOIN django_content_type AS type ON type.id = content_type_id
                        WHERE permission.id = {row}.permission_id)
                """,
                "permission_id": "{row}.permission_id",
            },
            columns=["user_id", "permission_id"],
            about="{row}.user_id",
        ),
        recorded(
            "recordedgrouppermission",
            "auth_group_permissions",
            values={
                "permission": """
                    (SELECT app_label || '.' || codename FROM auth_permission AS permission
                        JOIN django_content_type AS type ON type.id = content_type_id
                        WHERE permission.id = {row}.permission_id)
                """,
                "permission_id": "{row}.permission_id",
            },
            columns=["group_id", "permission_id"],
            about="{row}.group_id",
        ),
        recorded(
            "recordedemailaddress",
            "account_emailaddress",
            values={
                "email": "{row}.email",
                "verified": "{row}.verified",
                "primary": '{row}."primary"',
            },
            columns=["user_id", "email", "verified", "primary"],
            about="{row}.user_id",
        ),
        recorded(
            "recordedauthenticator",
            "mfa_authenticator",
            values={"second factor": "{row}.type"},
            columns=["user_id", "type"],
            about="{row}.user_id",
        ),
        recorded(
            "recordedsocialaccount",
            "socialaccount_socialaccount",
            values={"provider": "{row}.provider", "account there": "{row}.uid"},
            columns=["user_id", "provider", "uid"],
            about="{row}.user_id",
        ),
        AddTrigger(
            "change",
            FixedTrigger(
                name="change_stays",
                table="changes",
                when="BEFORE",
                operation="UPDATE OR DELETE",
                func="""
                    RAISE EXCEPTION 'The history is never edited or deleted.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'change_stays', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "change",
            FixedTrigger(
                name="changes_stay",
                table="changes",
                when="BEFORE",
                operation="TRUNCATE",
                level="STATEMENT",
                func="""
                    RAISE EXCEPTION 'The history is never edited or deleted.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'changes_stay', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
    ]
