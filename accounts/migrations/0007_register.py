"""The triggers that register the rows of append-only tables, with digests of their contents: see
Note [Register of rows] in `accounts.models.register`.
"""

from django.db import migrations
from pgtrigger.migrations import AddTrigger

from ledger.db.triggers import FixedTrigger


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_history")]

    operations = [
        AddTrigger(
            "registeredrow",
            FixedTrigger(
                name="registered_row_stays",
                table="row_register",
                when="BEFORE",
                operation="UPDATE OR DELETE",
                func="""
                    RAISE EXCEPTION 'The register of rows never changes.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'registered_row_stays', TABLE =
                        TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "registeredrow",
            FixedTrigger(
                name="registered_rows_stay",
                table="row_register",
                when="BEFORE",
                operation="TRUNCATE",
                level="STATEMENT",
                func="""
                    RAISE EXCEPTION 'The register of rows never changes.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'registered_rows_stay', TABLE =
                        TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "rowrevision",
            FixedTrigger(
                name="revision_stays",
                table="row_revisions",
                when="BEFORE",
                operation="UPDATE OR DELETE",
                func="""
                    RAISE EXCEPTION 'What became of a row, and why, never changes.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'revision_stays', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "rowrevision",
            FixedTrigger(
                name="revisions_stay",
                table="row_revisions",
                when="BEFORE",
                operation="TRUNCATE",
                level="STATEMENT",
                func="""
                    RAISE EXCEPTION 'What became of a row, and why, never changes.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'revisions_stay', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "rowremoval",
            FixedTrigger(
                name="row_is_registered",
                kind="definer",
                table="row_removals",
                when="AFTER",
                operation="INSERT",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS added",
                func="""
                    INSERT INTO row_register (table_name, row_id, registered_at, digest)
                    SELECT TG_TABLE_NAME, added."id"::text, clock_timestamp(),
                    sha256(convert_to(json_build_array(added."id", added."reason",
                        added."removed_at" AT TIME ZONE 'UTC', added."removed_before" AT TIME ZONE
                        'UTC', added."row_ids", added."table_name")::text, 'UTF8'))
                    FROM added
                    ON CONFLICT DO NOTHING;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "rowremoval",
            FixedTrigger(
                name="removal_stays",
                table="row_removals",
                when="BEFORE",
                operation="UPDATE OR DELETE",
                func="""
                    RAISE EXCEPTION 'What was removed, and why, never changes.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'removal_stays', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "rowremoval",
            FixedTrigger(
                name="removals_stay",
                table="row_removals",
                when="BEFORE",
                operation="TRUNCATE",
                level="STATEMENT",
                func="""
                    RAISE EXCEPTION 'What was removed, and why, never changes.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'removals_stay', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "apitoken",
            FixedTrigger(
                name="row_is_registered",
                kind="definer",
                table="api_tokens",
                when="AFTER",
                operation="INSERT",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS added",
                func="""
                    INSERT INTO row_register (table_name, row_id, registered_at, digest)
                    SELECT TG_TABLE_NAME, added."id"::text, clock_timestamp(),
                    sha256(convert_to(json_build_array(added."created_at" AT TIME ZONE 'UTC',
                        added."currency", added."expires_at" AT TIME ZONE 'UTC', added."hash",
                        added."id", added."name", added."per_day", added."per_payment",
                        added."prefix", added."reason", added."revoked_at" AT TIME ZONE 'UTC',
                        added."revoked_by_id", added."scopes", added."second_factor",
                        added."user_id")::text, 'UTF8'))
                    FROM added
                    ON CONFLICT DO NOTHING;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "apitoken",
            FixedTrigger(
                name="row_is_revised",
                kind="definer",
                table="api_tokens",
                when="AFTER",
                operation="UPDATE",
                declare="DECLARE why text := coalesce(current_setting('ledger.erases', true), '');",
                func="""
                    IF (ROW(OLD."created_at", OLD."currency", OLD."expires_at", OLD."hash",
                        OLD."id", OLD."name", OLD."per_day", OLD."per_payment", OLD."prefix",
                        OLD."reason", OLD."revoked_at", OLD."revoked_by_id", OLD."scopes",
                        OLD."second_factor", OLD."user_id") IS NOT DISTINCT FROM
                        ROW(NEW."created_at", NEW."currency", NEW."expires_at", NEW."hash",
                        NEW."id", NEW."name", NEW."per_day", NEW."per_payment", NEW."prefix",
                        NEW."reason", NEW."revoked_at", NEW."revoked_by_id", NEW."scopes",
                        NEW."second_factor", NEW."user_id")) IS NOT TRUE THEN
                        why := '';
                    END IF;
                    IF ROW(OLD."created_at", OLD."currency", OLD."expires_at", OLD."hash", OLD."id",
                        OLD."name", OLD."per_day", OLD."per_payment", OLD."prefix", OLD."scopes",
                        OLD."second_factor", OLD."user_id") IS NOT DISTINCT FROM
                        ROW(NEW."created_at", NEW."currency", NEW."expires_at", NEW."hash",
                        NEW."id", NEW."name", NEW."per_day", NEW."per_payment", NEW."prefix",
                        NEW."scopes", NEW."second_factor", NEW."user_id") AND OLD.revoked_at IS NULL
                        AND NEW.revoked_at IS NOT NULL THEN
                        why := 'By the rules of its table';
                    END IF;
                    INSERT INTO row_revisions
                    (table_name, row_id, digest, reason, revised_at, role, session)
                    SELECT TG_TABLE_NAME, OLD."id"::text,
                        sha256(convert_to(json_build_array(NEW."created_at" AT TIME ZONE 'UTC',
                        NEW."currency", NEW."expires_at" AT TIME ZONE 'UTC', NEW."hash", NEW."id",
                        NEW."name", NEW."per_day", NEW."per_payment", NEW."prefix", NEW."reason",
                        NEW."revoked_at" AT TIME ZONE 'UTC', NEW."revoked_by_id", NEW."scopes",
                        NEW."second_factor", NEW."user_id")::text, 'UTF8')), why, clock_timestamp(),
                    coalesce(nullif(current_setting('role'), 'none'), session_user),
                        pg_backend_pid() || coalesce(' at ' || host(inet_client_addr()), '')
                    WHERE why <> '' AND sha256(convert_to(json_build_array(OLD."created_at" AT TIME
                        ZONE 'UTC', OLD."currency", OLD."expires_at" AT TIME ZONE 'UTC', OLD."hash",
                        OLD."id", OLD."name", OLD."per_day", OLD."per_payment", OLD."prefix",
                        OLD."reason", OLD."revoked_at" AT TIME ZONE 'UTC', OLD."revoked_by_id",
                        OLD."scopes", OLD."second_factor", OLD."user_id")::text, 'UTF8')) =
                        coalesce(
                        (SELECT digest FROM row_revisions
                            WHERE table_name = TG_TABLE_NAME AND row_id = OLD."id"::text
                            ORDER BY number DESC LIMIT 1),
                        (SELECT digest FROM row_register
                            WHERE table_name = TG_TABLE_NAME AND row_id = OLD."id"::text));
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "staffsum",
            FixedTrigger(
                name="row_is_registered",
                kind="definer",
                table="staff_sums",
                when="AFTER",
                operation="INSERT",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS added",
                func="""
                    INSERT INTO row_register (table_name, row_id, registered_at, digest)
                    SELECT TG_TABLE_NAME, added."key"::text, clock_timestamp(),
                    sha256(convert_to(json_build_array(added."key")::text, 'UTF8'))
                    FROM added
                    ON CONFLICT DO NOTHING;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "approvalrequest",
            FixedTrigger(
                name="row_is_registered",
                kind="definer",
                table="approval_requests",
                when="AFTER",
                operation="INSERT",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS added",
                func="""
                    INSERT INTO row_register (table_name, row_id, registered_at, digest)
                    SELECT TG_TABLE_NAME, added."id"::text, clock_timestamp(),
                    sha256(convert_to(json_build_array(added."amount", added."currency",
                        added."decided_at" AT TIME ZONE 'UTC', added."decided_by_id",
                        added."expires_at" AT TIME ZONE 'UTC', added."from_account_id", added."id",
                        added."kind", added."note", added."parameters", added."person_id",
                        added."reason", added."requested_at" AT TIME ZONE 'UTC',
                        added."requested_by_id", added."status", added."to_account_id",
                        added."transaction_id", added."used_amount", added."used_at" AT TIME ZONE
                        'UTC')::text, 'UTF8'))
                    FROM added
                    ON CONFLICT DO NOTHING;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "approvalrequest",
            FixedTrigger(
                name="row_is_revised",
                kind="definer",
                table="approval_requests",
                when="AFTER",
                operation="UPDATE",
                declare="DECLARE why text := coalesce(current_setting('ledger.erases', true), '');",
                func="""
                    IF (ROW(OLD."amount", OLD."currency", OLD."decided_at", OLD."decided_by_id",
                        OLD."expires_at", OLD."from_account_id", OLD."id", OLD."kind",
                        OLD."person_id", OLD."requested_at", OLD."requested_by_id", OLD."status",
                        OLD."to_account_id", OLD."transaction_id", OLD."used_amount", OLD."used_at")
                        IS NOT DISTINCT FROM ROW(NEW."amount", NEW."currency", NEW."decided_at",
                        NEW."decided_by_id", NEW."expires_at", NEW."from_account_id", NEW."id",
                        NEW."kind", NEW."person_id", NEW."requested_at", NEW."requested_by_id",
                        NEW."status", NEW."to_account_id", NEW."transaction_id", NEW."used_amount",
                        NEW."used_at") AND NEW."reason" IN (OLD."reason", '') AND NEW."note" IN
                        (OLD."note", '') AND (NEW."parameters" - '{message,description}'::text[] =
                        OLD."parameters" - '{message,description}'::text[]
                            AND coalesce(NEW."parameters"->>'message', '') IN
                                (coalesce(OLD."parameters"->>'message', ''), '')
                            AND coalesce(NEW."parameters"->>'description', '')
                            IN (coalesce(OLD."parameters"->>'description', ''), 'A file'))) IS NOT
                                TRUE THEN
                        why := '';
                    END IF;
                    IF ROW(OLD."amount", OLD."currency", OLD."expires_at", OLD."from_account_id",
                        OLD."id", OLD."kind", OLD."parameters", OLD."person_id", OLD."reason",
                        OLD."requested_at", OLD."requested_by_id", OLD."to_account_id",
                        OLD."transaction_id") IS NOT DISTINCT FROM ROW(NEW."amount", NEW."currency",
                        NEW."expires_at", NEW."from_account_id", NEW."id", NEW."kind",
                        NEW."parameters", NEW."person_id", NEW."reason", NEW."requested_at",
                        NEW."requested_by_id", NEW."to_account_id", NEW."transaction_id") AND (
                        (OLD.status, NEW.status) IN (
                            ('pending', 'approved'), ('pending', 'declined'), ('pending',
                                'withdrawn'),
                            ('approved', 'approved'), ('approved', 'done'))
                        AND NOT (OLD.status = 'approved' AND (OLD.decided_by_id, OLD.decided_at,
                            OLD.note)
                            IS DISTINCT FROM (NEW.decided_by_id, NEW.decided_at, NEW.note))
                        AND NOT (OLD.status = 'pending' AND (NEW.used_at IS NOT NULL OR
                            NEW.used_amount <> 0))
                    ) THEN
                        why := 'By the rules of its table';
                    END IF;
                    INSERT INTO row_revisions
                    (table_name, row_id, digest, reason, revised_at, role, session)
                    SELECT TG_TABLE_NAME, OLD."id"::text,
                        sha256(convert_to(json_build_array(NEW."amount", NEW."currency",
                        NEW."decided_at" AT TIME ZONE 'UTC', NEW."decided_by_id", NEW."expires_at"
                        AT TIME ZONE 'UTC', NEW."from_account_id", NEW."id", NEW."kind", NEW."note",
                        NEW."parameters", NEW."person_id", NEW."reason", NEW."requested_at" AT TIME
                        ZONE 'UTC', NEW."requested_by_id", NEW."status", NEW."to_account_id",
                        NEW."transaction_id", NEW."used_amount", NEW."used_at" AT TIME ZONE
                        'UTC')::text, 'UTF8')), why, clock_timestamp(),
                    coalesce(nullif(current_setting('role'), 'none'), session_user),
                        pg_backend_pid() || coalesce(' at ' || host(inet_client_addr()), '')
                    WHERE why <> '' AND sha256(convert_to(json_build_array(OLD."amount",
                        OLD."currency", OLD."decided_at" AT TIME ZONE 'UTC', OLD."decided_by_id",
                        OLD."expires_at" AT TIME ZONE 'UTC', OLD."from_account_id", OLD."id",
                        OLD."kind", OLD."note", OLD."parameters", OLD."person_id", OLD."reason",
                        OLD."requested_at" AT TIME ZONE 'UTC', OLD."requested_by_id", OLD."status",
                        OLD."to_account_id", OLD."transaction_id", OLD."used_amount", OLD."used_at"
                        AT TIME ZONE 'UTC')::text, 'UTF8')) = coalesce(
                        (SELECT digest FROM row_revisions
                            WHERE table_name = TG_TABLE_NAME AND row_id = OLD."id"::text
                            ORDER BY number DESC LIMIT 1),
                        (SELECT digest FROM row_register
                            WHERE table_name = TG_TABLE_NAME AND row_id = OLD."id"::text));
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "approvalpayment",
            FixedTrigger(
                name="row_is_registered",
                kind="definer",
                table="approval_payments",
                when="AFTER",
                operation="INSERT",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS added",
                func="""
                    INSERT INTO row_register (table_name, row_id, registered_at, digest)
                    SELECT TG_TABLE_NAME, added."id"::text, clock_timestamp(),
                    sha256(convert_to(json_build_array(added."amount", added."id",
                        added."payment_id", added."request_id", added."to_account_id")::text,
                        'UTF8'))
                    FROM added
                    ON CONFLICT DO NOTHING;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "change",
            FixedTrigger(
                name="row_is_registered",
                kind="definer",
                table="changes",
                when="AFTER",
                operation="INSERT",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS added",
                func="""
                    INSERT INTO row_register (table_name, row_id, registered_at, digest)
                    SELECT TG_TABLE_NAME, added."id"::text, clock_timestamp(),
                    sha256(convert_to(json_build_array(added."about", added."action",
                        added."address", added."after", added."before", added."changed_at" AT TIME
                        ZONE 'UTC', added."id", added."path", added."person_id", added."proved",
                        added."reason", added."request", added."role", added."session",
                        added."table_name")::text, 'UTF8'))
                    FROM added
                    ON CONFLICT DO NOTHING;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "change",
            FixedTrigger(
                name="row_is_revised",
                kind="definer",
                table="changes",
                when="AFTER",
                operation="UPDATE",
                declare="DECLARE why text := coalesce(current_setting('ledger.erases', true), '');",
                func="""
                    IF (ROW(OLD."about", OLD."action", OLD."changed_at", OLD."id", OLD."path",
                        OLD."person_id", OLD."proved", OLD."request", OLD."role", OLD."session",
                        OLD."table_name") IS NOT DISTINCT FROM ROW(NEW."about", NEW."action",
                        NEW."changed_at", NEW."id", NEW."path", NEW."person_id", NEW."proved",
                        NEW."request", NEW."role", NEW."session", NEW."table_name") AND
                        (NEW."before" <@ OLD."before" OR NEW."before" IS NOT DISTINCT FROM
                        OLD."before") AND (NEW."after" <@ OLD."after" OR NEW."after" IS NOT DISTINCT
                        FROM OLD."after") AND NEW."address" IN (OLD."address", '') AND NEW."reason"
                        IN (OLD."reason", '')) IS NOT TRUE THEN
                        why := '';
                    END IF;
                    INSERT INTO row_revisions
                    (table_name, row_id, digest, reason, revised_at, role, session)
                    SELECT TG_TABLE_NAME, OLD."id"::text,
                        sha256(convert_to(json_build_array(NEW."about", NEW."action", NEW."address",
                        NEW."after", NEW."before", NEW."changed_at" AT TIME ZONE 'UTC', NEW."id",
                        NEW."path", NEW."person_id", NEW."proved", NEW."reason", NEW."request",
                        NEW."role", NEW."session", NEW."table_name")::text, 'UTF8')), why,
                        clock_timestamp(),
                    coalesce(nullif(current_setting('role'), 'none'), session_user),
                        pg_backend_pid() || coalesce(' at ' || host(inet_client_addr()), '')
                    WHERE why <> '' AND sha256(convert_to(json_build_array(OLD."about",
                        OLD."action", OLD."address", OLD."after", OLD."before", OLD."changed_at" AT
                        TIME ZONE 'UTC', OLD."id", OLD."path", OLD."person_id", OLD."proved",
                        OLD."reason", OLD."request", OLD."role", OLD."session",
                        OLD."table_name")::text, 'UTF8')) = coalesce(
                        (SELECT digest FROM row_revisions
                            WHERE table_name = TG_TABLE_NAME AND row_id = OLD."id"::text
                            ORDER BY number DESC LIMIT 1),
                        (SELECT digest FROM row_register
                            WHERE table_name = TG_TABLE_NAME AND row_id = OLD."id"::text));
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "limitchange",
            FixedTrigger(
                name="row_is_registered",
                kind="definer",
                table="limit_changes",
                when="AFTER",
                operation="INSERT",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS added",
                func="""
                    INSERT INTO row_register (table_name, row_id, registered_at, digest)
                    SELECT TG_TABLE_NAME, added."id"::text, clock_timestamp(),
                    sha256(convert_to(json_build_array(added."account_id", added."changed_by_id",
                        added."created_at" AT TIME ZONE 'UTC', added."daily_limit",
                        added."daily_limit_before", added."id", added."overdraft_limit",
                        added."overdraft_limit_before", added."reason", added."transfer_limit",
                        added."transfer_limit_before")::text, 'UTF8'))
                    FROM added
                    ON CONFLICT DO NOTHING;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "limitchange",
            FixedTrigger(
                name="row_is_revised",
                kind="definer",
                table="limit_changes",
                when="AFTER",
                operation="UPDATE",
                declare="DECLARE why text := coalesce(current_setting('ledger.erases', true), '');",
                func="""
                    IF (ROW(OLD."account_id", OLD."changed_by_id", OLD."created_at",
                        OLD."daily_limit", OLD."daily_limit_before", OLD."id",
                        OLD."overdraft_limit", OLD."overdraft_limit_before", OLD."transfer_limit",
                        OLD."transfer_limit_before") IS NOT DISTINCT FROM ROW(NEW."account_id",
                        NEW."changed_by_id", NEW."created_at", NEW."daily_limit",
                        NEW."daily_limit_before", NEW."id", NEW."overdraft_limit",
                        NEW."overdraft_limit_before", NEW."transfer_limit",
                        NEW."transfer_limit_before") AND NEW."reason" IN (OLD."reason", '')) IS NOT
                        TRUE THEN
                        why := '';
                    END IF;
                    INSERT INTO row_revisions
                    (table_name, row_id, digest, reason, revised_at, role, session)
                    SELECT TG_TABLE_NAME, OLD."id"::text,
                        sha256(convert_to(json_build_array(NEW."account_id", NEW."changed_by_id",
                        NEW."created_at" AT TIME ZONE 'UTC', NEW."daily_limit",
                        NEW."daily_limit_before", NEW."id", NEW."overdraft_limit",
                        NEW."overdraft_limit_before", NEW."reason", NEW."transfer_limit",
                        NEW."transfer_limit_before")::text, 'UTF8')), why, clock_timestamp(),
                    coalesce(nullif(current_setting('role'), 'none'), session_user),
                        pg_backend_pid() || coalesce(' at ' || host(inet_client_addr()), '')
                    WHERE why <> '' AND sha256(convert_to(json_build_array(OLD."account_id",
                        OLD."changed_by_id", OLD."created_at" AT TIME ZONE 'UTC', OLD."daily_limit",
                        OLD."daily_limit_before", OLD."id", OLD."overdraft_limit",
                        OLD."overdraft_limit_before", OLD."reason", OLD."transfer_limit",
                        OLD."transfer_limit_before")::text, 'UTF8')) = coalesce(
                        (SELECT digest FROM row_revisions
                            WHERE table_name = TG_TABLE_NAME AND row_id = OLD."id"::text
                            ORDER BY number DESC LIMIT 1),
                        (SELECT digest FROM row_register
                            WHERE table_name = TG_TABLE_NAME AND row_id = OLD."id"::text));
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "read",
            FixedTrigger(
                name="row_is_registered",
                kind="definer",
                table="reads",
                when="AFTER",
                operation="INSERT",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS added",
                func="""
                    INSERT INTO row_register (table_name, row_id, registered_at, digest)
                    SELECT TG_TABLE_NAME, added."id"::text, clock_timestamp(),
                    sha256(convert_to(json_build_array(added."address", added."id", added."page",
                        added."path", added."people", added."query", added."read_at" AT TIME ZONE
                        'UTC', added."reader_id", added."request", added."role",
                        added."session")::text, 'UTF8'))
                    FROM added
                    ON CONFLICT DO NOTHING;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "read",
            FixedTrigger(
                name="row_is_revised",
                kind="definer",
                table="reads",
                when="AFTER",
                operation="UPDATE",
                declare="DECLARE why text := coalesce(current_setting('ledger.erases', true), '');",
                func="""
                    IF (ROW(OLD."id", OLD."page", OLD."path", OLD."people", OLD."read_at",
                        OLD."reader_id", OLD."request", OLD."role", OLD."session") IS NOT DISTINCT
                        FROM ROW(NEW."id", NEW."page", NEW."path", NEW."people", NEW."read_at",
                        NEW."reader_id", NEW."request", NEW."role", NEW."session") AND NEW."query"
                        IN (OLD."query", '') AND NEW."address" IN (OLD."address", '')) IS NOT TRUE
                        THEN
                        why := '';
                    END IF;
                    INSERT INTO row_revisions
                    (table_name, row_id, digest, reason, revised_at, role, session)
                    SELECT TG_TABLE_NAME, OLD."id"::text,
                        sha256(convert_to(json_build_array(NEW."address", NEW."id", NEW."page",
                        NEW."path", NEW."people", NEW."query", NEW."read_at" AT TIME ZONE 'UTC',
                        NEW."reader_id", NEW."request", NEW."role", NEW."session")::text, 'UTF8')),
                        why, clock_timestamp(),
                    coalesce(nullif(current_setting('role'), 'none'), session_user),
                        pg_backend_pid() || coalesce(' at ' || host(inet_client_addr()), '')
                    WHERE why <> '' AND sha256(convert_to(json_build_array(OLD."address", OLD."id",
                        OLD."page", OLD."path", OLD."people", OLD."query", OLD."read_at" AT TIME
                        ZONE 'UTC', OLD."reader_id", OLD."request", OLD."role",
                        OLD."session")::text, 'UTF8')) = coalesce(
                        (SELECT digest FROM row_revisions
                            WHERE table_name = TG_TABLE_NAME AND row_id = OLD."id"::text
                            ORDER BY number DESC LIMIT 1),
                        (SELECT digest FROM row_register
                            WHERE table_name = TG_TABLE_NAME AND row_id = OLD."id"::text));
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "signin",
            FixedTrigger(
                name="row_is_registered",
                kind="definer",
                table="sign_ins",
                when="AFTER",
                operation="INSERT",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS added",
                func="""
                    INSERT INTO row_register (table_name, row_id, registered_at, digest)
                    SELECT TG_TABLE_NAME, added."id"::text, clock_timestamp(),
                    sha256(convert_to(json_build_array(added."at" AT TIME ZONE 'UTC',
                        added."device", added."id", added."method", added."outcome", added."place",
                        added."user_id")::text, 'UTF8'))
                    FROM added
                    ON CONFLICT DO NOTHING;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "statuschange",
            FixedTrigger(
                name="row_is_registered",
                kind="definer",
                table="account_status_changes",
                when="AFTER",
                operation="INSERT",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS added",
                func="""
                    INSERT INTO row_register (table_name, row_id, registered_at, digest)
                    SELECT TG_TABLE_NAME, added."id"::text, clock_timestamp(),
                    sha256(convert_to(json_build_array(added."account_id", added."changed_by_id",
                        added."created_at" AT TIME ZONE 'UTC', added."from_status", added."id",
                        added."message", added."reason", added."to_status")::text, 'UTF8'))
                    FROM added
                    ON CONFLICT DO NOTHING;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "statuschange",
            FixedTrigger(
                name="row_is_revised",
                kind="definer",
                table="account_status_changes",
                when="AFTER",
                operation="UPDATE",
                declare="DECLARE why text := coalesce(current_setting('ledger.erases', true), '');",
                func="""
                    IF (ROW(OLD."account_id", OLD."changed_by_id", OLD."created_at",
                        OLD."from_status", OLD."id", OLD."to_status") IS NOT DISTINCT FROM
                        ROW(NEW."account_id", NEW."changed_by_id", NEW."created_at",
                        NEW."from_status", NEW."id", NEW."to_status") AND NEW."reason" IN
                        (OLD."reason", '') AND NEW."message" IN (OLD."message", '')) IS NOT TRUE
                        THEN
                        why := '';
                    END IF;
                    INSERT INTO row_revisions
                    (table_name, row_id, digest, reason, revised_at, role, session)
                    SELECT TG_TABLE_NAME, OLD."id"::text,
                        sha256(convert_to(json_build_array(NEW."account_id", NEW."changed_by_id",
                        NEW."created_at" AT TIME ZONE 'UTC', NEW."from_status", NEW."id",
                        NEW."message", NEW."reason", NEW."to_status")::text, 'UTF8')), why,
                        clock_timestamp(),
                    coalesce(nullif(current_setting('role'), 'none'), session_user),
                        pg_backend_pid() || coalesce(' at ' || host(inet_client_addr()), '')
                    WHERE why <> '' AND sha256(convert_to(json_build_array(OLD."account_id",
                        OLD."changed_by_id", OLD."created_at" AT TIME ZONE 'UTC', OLD."from_status",
                        OLD."id", OLD."message", OLD."reason", OLD."to_status")::text, 'UTF8')) =
                        coalesce(
                        (SELECT digest FROM row_revisions
                            WHERE table_name = TG_TABLE_NAME AND row_id = OLD."id"::text
                            ORDER BY number DESC LIMIT 1),
                        (SELECT digest FROM row_register
                            WHERE table_name = TG_TABLE_NAME AND row_id = OLD."id"::text));
                    RETURN NULL;
                """,
            ),
        ),
    ]
