"""Creates the constraints and triggers of standing orders and their days."""

from django.db import migrations
from pgtrigger.migrations import AddTrigger

from ledger.db.triggers import FixedTrigger


class Migration(migrations.Migration):
    dependencies = [("standing_orders", "0001_tables")]

    operations = [
        AddTrigger(
            "standingorder",
            FixedTrigger(
                name="row_is_registered",
                kind="definer",
                table="standing_orders",
                when="AFTER",
                operation="INSERT",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS added",
                func="""
                    INSERT INTO row_register (table_name, row_id, registered_at, digest)
                    SELECT TG_TABLE_NAME, added."id"::text, clock_timestamp(),
                    sha256(convert_to(json_build_array(added."amount", added."created_at" AT TIME
                        ZONE 'UTC', added."description", added."every", added."first_on",
                        added."from_account_id", added."id", added."last_on", added."owner_id",
                        added."reference", added."times", added."to_account_id")::text, 'UTF8'))
                    FROM added
                    ON CONFLICT DO NOTHING;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "standingorder",
            FixedTrigger(
                name="row_is_revised",
                kind="definer",
                table="standing_orders",
                when="AFTER",
                operation="UPDATE",
                declare="DECLARE why text := coalesce(current_setting('ledger.erases', true), '');",
                func="""
                    IF (ROW(OLD."amount", OLD."created_at", OLD."every", OLD."first_on",
                        OLD."from_account_id", OLD."id", OLD."last_on", OLD."owner_id", OLD."times",
                        OLD."to_account_id") IS NOT DISTINCT FROM ROW(NEW."amount",
                        NEW."created_at", NEW."every", NEW."first_on", NEW."from_account_id",
                        NEW."id", NEW."last_on", NEW."owner_id", NEW."times", NEW."to_account_id")
                        AND NEW."description" IN (OLD."description", '') AND NEW."reference" IN
                        (OLD."reference", '')) IS NOT TRUE THEN
                        why := '';
                    END IF;
                    IF ROW(OLD."created_at", OLD."description", OLD."every", OLD."first_on",
                        OLD."from_account_id", OLD."id", OLD."last_on", OLD."owner_id",
                        OLD."reference", OLD."times", OLD."to_account_id") IS NOT DISTINCT FROM
                        ROW(NEW."created_at", NEW."description", NEW."every", NEW."first_on",
                        NEW."from_account_id", NEW."id", NEW."last_on", NEW."owner_id",
                        NEW."reference", NEW."times", NEW."to_account_id") AND
                        current_setting('ledger.changes_amount_of', true) = NEW.id::text THEN
                        why := 'By the rules of its table';
                    END IF;
                    INSERT INTO row_revisions
                    (table_name, row_id, digest, reason, revised_at, role, session)
                    SELECT TG_TABLE_NAME, OLD."id"::text,
                        sha256(convert_to(json_build_array(NEW."amount", NEW."created_at" AT TIME
                        ZONE 'UTC', NEW."description", NEW."every", NEW."first_on",
                        NEW."from_account_id", NEW."id", NEW."last_on", NEW."owner_id",
                        NEW."reference", NEW."times", NEW."to_account_id")::text, 'UTF8')), why,
                        clock_timestamp(),
                    coalesce(nullif(current_setting('role'), 'none'), session_user),
                        pg_backend_pid() || coalesce(' at ' || host(inet_client_addr()), '')
                    WHERE why <> '' AND sha256(convert_to(json_build_array(OLD."amount",
                        OLD."created_at" AT TIME ZONE 'UTC', OLD."description", OLD."every",
                        OLD."first_on", OLD."from_account_id", OLD."id", OLD."last_on",
                        OLD."owner_id", OLD."reference", OLD."times", OLD."to_account_id")::text,
                        'UTF8')) = coalesce(
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
