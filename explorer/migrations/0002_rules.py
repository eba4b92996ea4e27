"""The triggers of saved queries and of the history of queries."""

from django.db import migrations
from pgtrigger.migrations import AddTrigger

from ledger.db.triggers import FixedTrigger


class Migration(migrations.Migration):
    dependencies = [("explorer", "0001_tables")]

    operations = [
        AddTrigger(
            "queryrun",
            FixedTrigger(
                name="run_is_of_now",
                table="explorer_runs",
                when="BEFORE",
                operation="INSERT",
                func="""
                    NEW.ran_at := CASE WHEN NEW.ran_at IS NOT NULL THEN clock_timestamp() END;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "queryrun",
            FixedTrigger(
                name="run_by_its_author",
                kind="definer",
                table="explorer_runs",
                when="AFTER",
                operation="INSERT",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS added",
                declare="""
                    DECLARE facts jsonb := told_facts();
                    author uuid;
                """,
                func="""
                    IF (facts ->> 'proved')::boolean THEN
                        author := (facts ->> 'person')::uuid;
                    END IF;
                    IF EXISTS (SELECT FROM fact_keys) AND NOT
                        pg_catalog.pg_has_role((coalesce(nullif(current_setting('role'), 'none'),
                        session_user))::name, (SELECT relowner FROM pg_catalog.pg_class WHERE oid =
                        TG_RELID), 'USAGE') AND EXISTS (
                        SELECT FROM added
                        WHERE person_id IS NOT NULL AND person_id IS DISTINCT FROM author AND NOT
                            (false)
                    ) THEN
                        RAISE EXCEPTION 'A query is recorded for the person who is signed in.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'run_by_its_author', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "queryrun",
            FixedTrigger(
                name="row_is_registered",
                kind="definer",
                table="explorer_runs",
                when="AFTER",
                operation="INSERT",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS added",
                func="""
                    INSERT INTO row_register (table_name, row_id, registered_at, digest)
                    SELECT TG_TABLE_NAME, added."id"::text, clock_timestamp(),
                    sha256(convert_to(json_build_array(added."form", added."id", added."message",
                        added."milliseconds", added."outcome", added."parameters",
                        added."person_id", added."ran_at" AT TIME ZONE 'UTC', added."rows",
                        added."scope", added."sql")::text, 'UTF8'))
                    FROM added
                    ON CONFLICT DO NOTHING;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "queryrun",
            FixedTrigger(
                name="row_is_revised",
                kind="definer",
                table="explorer_runs",
                when="AFTER",
                operation="UPDATE",
                declare="DECLARE why text := coalesce(current_setting('ledger.erases', true), '');",
                func="""
                    IF (ROW(OLD."form", OLD."id", OLD."milliseconds", OLD."outcome",
                        OLD."person_id", OLD."ran_at", OLD."rows", OLD."scope") IS NOT DISTINCT FROM
                        ROW(NEW."form", NEW."id", NEW."milliseconds", NEW."outcome",
                        NEW."person_id", NEW."ran_at", NEW."rows", NEW."scope") AND NEW."sql" IN
                        (OLD."sql", '') AND NEW."message" IN (OLD."message", '') AND
                        NEW."parameters" IN (OLD."parameters", '{}'::jsonb)) IS NOT TRUE THEN
                        why := '';
                    END IF;
                    INSERT INTO row_revisions
                    (table_name, row_id, digest, reason, revised_at, role, session)
                    SELECT TG_TABLE_NAME, OLD."id"::text,
                        sha256(convert_to(json_build_array(NEW."form", NEW."id", NEW."message",
                        NEW."milliseconds", NEW."outcome", NEW."parameters", NEW."person_id",
                        NEW."ran_at" AT TIME ZONE 'UTC', NEW."rows", NEW."scope", NEW."sql")::text,
                        'UTF8')), why, clock_timestamp(),
                    coalesce(nullif(current_setting('role'), 'none'), session_user),
                        pg_backend_pid() || coalesce(' at ' || host(inet_client_addr()), '')
                    WHERE why <> '' AND sha256(convert_to(json_build_array(OLD."form", OLD."id",
                        OLD."message", OLD."milliseconds", OLD."outcome", OLD."parameters",
                        OLD."person_id", OLD."ran_at" AT TIME ZONE 'UTC', OLD."rows", OLD."scope",
                        OLD."sql")::text, 'UTF8')) = coalesce(
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
            "queryrun",
            FixedTrigger(
                name="run_stays",
                table="explorer_runs",
                when="BEFORE",
                operation="UPDATE OR DELETE",
                func="""
                    RAISE EXCEPTION 'The history of queries is never edited or deleted.' USING
                        ERRCODE = 'check_violation', CONSTRAINT = 'run_stays', TABLE =
                        TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "queryrun",
            FixedTrigger(
                name="runs_stay",
                table="explorer_runs",
                when="BEFORE",
                operation="TRUNCATE",
                level="STATEMENT",
                func="""
                    RAISE EXCEPTION 'The history of queries is never edited or deleted.' USING
                        ERRCODE = 'check_violation', CONSTRAINT = 'runs_stay', TABLE =
                        TG_TABLE_NAME;
                """,
            ),
        ),
    ]
