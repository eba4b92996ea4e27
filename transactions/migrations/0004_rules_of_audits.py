"""Creates the triggers that refuse changes of seals, audits and the reasons of staff."""

from django.db import migrations
from pgtrigger.migrations import AddTrigger

from ledger.db.triggers import FixedTrigger


class Migration(migrations.Migration):
    dependencies = [("transactions", "0003_rules_of_transactions")]

    operations = [
        AddTrigger(
            "seal",
            FixedTrigger(
                name="seal_follows",
                table="seals",
                when="BEFORE",
                operation="INSERT",
                declare="DECLARE last seals%ROWTYPE;",
                func="""
                    PERFORM pg_advisory_xact_lock(7236501);
                    SELECT * INTO last FROM seals ORDER BY number DESC LIMIT 1;
                    IF NEW.number <> coalesce(last.number, 0) + 1
                    OR NEW.starts_at IS DISTINCT FROM coalesce(last.ends_at, NEW.starts_at)
                    OR NEW.previous_digest IS DISTINCT FROM last.digest
                    THEN
                        RAISE EXCEPTION 'A seal begins where the one before it ends.' USING ERRCODE
                            = 'check_violation', CONSTRAINT = 'seal_follows', TABLE = TG_TABLE_NAME;
                    END IF;
                    IF NEW.ends_at > clock_timestamp() - interval '10 minutes' THEN
                        RAISE EXCEPTION 'A period is sealed when it is over.' USING ERRCODE =
                            'check_violation', CONSTRAINT = 'seal_is_of_the_past', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "seal",
            FixedTrigger(
                name="seal_stays",
                table="seals",
                when="BEFORE",
                operation="UPDATE OR DELETE",
                func="""
                    RAISE EXCEPTION 'A seal never changes.' USING ERRCODE = 'check_violation',
                        CONSTRAINT = 'seal_stays', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "seal",
            FixedTrigger(
                name="seals_stay",
                table="seals",
                when="BEFORE",
                operation="TRUNCATE",
                level="STATEMENT",
                func="""
                    RAISE EXCEPTION 'A seal never changes.' USING ERRCODE = 'check_violation',
                        CONSTRAINT = 'seals_stay', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "sealedday",
            FixedTrigger(
                name="sealed_day_stays",
                table="sealed_days",
                when="BEFORE",
                operation="UPDATE OR DELETE",
                func="""
                    RAISE EXCEPTION 'A sealed day never changes.' USING ERRCODE = 'check_violation',
                        CONSTRAINT = 'sealed_day_stays', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "sealedday",
            FixedTrigger(
                name="sealed_days_stay",
                table="sealed_days",
                when="BEFORE",
                operation="TRUNCATE",
                level="STATEMENT",
                func="""
                    RAISE EXCEPTION 'A sealed day never changes.' USING ERRCODE = 'check_violation',
                        CONSTRAINT = 'sealed_days_stay', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "auditrun",
            FixedTrigger(
                name="audit_run_is_of_now",
                table="audit_runs",
                when="BEFORE",
                operation="INSERT",
                declare="""
                    DECLARE here timestamptz := clock_timestamp();
                    slack interval := interval '5 minutes';
                """,
                func="""
                    IF NEW.started_at > here + slack
                    OR NEW.finished_at NOT BETWEEN here - slack AND here + slack
                    THEN
                        RAISE EXCEPTION 'An audit is stored when it ends, not before or after.'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_run_is_of_now',
                            TABLE = TG_TABLE_NAME;
                    END IF;
                    NEW.started_at := least(NEW.started_at, here);
                    NEW.finished_at := least(NEW.finished_at, here);
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "auditrun",
            FixedTrigger(
                name="row_is_registered",
                kind="definer",
                table="audit_runs",
                when="AFTER",
                operation="INSERT",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS added",
                func="""
                    INSERT INTO row_register (table_name, row_id, registered_at, digest)
                    SELECT TG_TABLE_NAME, added."id"::text, clock_timestamp(),
                    sha256(convert_to(json_build_array(added."accounts", added."findings",
                        added."finished_at" AT TIME ZONE 'UTC', added."id", added."run_by_id",
                        added."since" AT TIME ZONE 'UTC', added."started_at" AT TIME ZONE 'UTC',
                        added."transactions")::text, 'UTF8'))
                    FROM added
                    ON CONFLICT DO NOTHING;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "auditrun",
            FixedTrigger(
                name="audit_run_stays",
                table="audit_runs",
                when="BEFORE",
                operation="UPDATE OR DELETE",
                func="""
                    RAISE EXCEPTION 'The findings of an audit never change.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'audit_run_stays', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "auditrun",
            FixedTrigger(
                name="audit_runs_stay",
                table="audit_runs",
                when="BEFORE",
                operation="TRUNCATE",
                level="STATEMENT",
                func="""
                    RAISE EXCEPTION 'The findings of an audit never change.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'audit_runs_stay', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "staffreason",
            FixedTrigger(
                name="note_is_of_now",
                table="transaction_notes",
                when="BEFORE",
                operation="INSERT",
                func="""
                    NEW.created_at := CASE WHEN NEW.created_at IS NOT NULL THEN clock_timestamp()
                        END;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "staffreason",
            FixedTrigger(
                name="note_by_its_author",
                kind="definer",
                table="transaction_notes",
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
                        WHERE written_by_id IS NOT NULL AND written_by_id IS DISTINCT FROM author
                            AND NOT (EXISTS (
                                SELECT FROM approval_requests AS request
                                WHERE request.transaction_id = added.transaction_id AND request.kind
                                    = added.action
                                AND request.requested_by_id = added.written_by_id
                                AND request.status IN ('approved', 'done')))
                    ) THEN
                        RAISE EXCEPTION 'A reason names the person who is signed in.' USING ERRCODE
                            = 'check_violation', CONSTRAINT = 'note_by_its_author', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "staffreason",
            FixedTrigger(
                name="row_is_registered",
                kind="definer",
                table="transaction_notes",
                when="AFTER",
                operation="INSERT",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS added",
                func="""
                    INSERT INTO row_register (table_name, row_id, registered_at, digest)
                    SELECT TG_TABLE_NAME, added."id"::text, clock_timestamp(),
                    sha256(convert_to(json_build_array(added."action", added."created_at" AT TIME
                        ZONE 'UTC', added."id", added."message", added."reason",
                        added."transaction_id", added."written_by_id")::text, 'UTF8'))
                    FROM added
                    ON CONFLICT DO NOTHING;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "staffreason",
            FixedTrigger(
                name="row_is_revised",
                kind="definer",
                table="transaction_notes",
                when="AFTER",
                operation="UPDATE",
                declare="DECLARE why text := coalesce(current_setting('ledger.erases', true), '');",
                func="""
                    IF (ROW(OLD."action", OLD."created_at", OLD."id", OLD."transaction_id",
                        OLD."written_by_id") IS NOT DISTINCT FROM ROW(NEW."action",
                        NEW."created_at", NEW."id", NEW."transaction_id", NEW."written_by_id") AND
                        NEW."reason" IN (OLD."reason", '') AND NEW."message" IN (OLD."message", ''))
                        IS NOT TRUE THEN
                        why := '';
                    END IF;
                    INSERT INTO row_revisions
                    (table_name, row_id, digest, reason, revised_at, role, session)
                    SELECT TG_TABLE_NAME, OLD."id"::text,
                        sha256(convert_to(json_build_array(NEW."action", NEW."created_at" AT TIME
                        ZONE 'UTC', NEW."id", NEW."message", NEW."reason", NEW."transaction_id",
                        NEW."written_by_id")::text, 'UTF8')), why, clock_timestamp(),
                    coalesce(nullif(current_setting('role'), 'none'), session_user),
                        pg_backend_pid() || coalesce(' at ' || host(inet_client_addr()), '')
                    WHERE why <> '' AND sha256(convert_to(json_build_array(OLD."action",
                        OLD."created_at" AT TIME ZONE 'UTC', OLD."id", OLD."message", OLD."reason",
                        OLD."transaction_id", OLD."written_by_id")::text, 'UTF8')) = coalesce(
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
            "staffreason",
            FixedTrigger(
                name="released_by_stranger",
                kind="definer",
                table="transaction_notes",
                when="BEFORE",
                operation="INSERT",
                condition="WHEN (NEW.action = 'release')",
                func="""
                    IF EXISTS (
                        SELECT FROM transactions AS hold WHERE hold.id = NEW.transaction_id
                        AND (EXISTS (
                                SELECT FROM accounts
                                JOIN users AS holder ON holder.id = accounts.user_id
                                JOIN users AS person ON person.id = NEW.written_by_id
                                WHERE accounts.id = hold.from_account_id
                                AND (holder.id = person.id OR holder.household_id =
                                    person.household_id)
                            )
                            OR EXISTS (
                                SELECT FROM accounts
                                JOIN users AS holder ON holder.id = accounts.user_id
                                JOIN users AS person ON person.id = NEW.written_by_id
                                WHERE accounts.id = hold.to_account_id
                                AND (holder.id = person.id OR holder.household_id =
                                    person.household_id)
                        ))
                    ) AND (
                        EXISTS (SELECT FROM approval_thresholds)
                        AND NOT pg_catalog.pg_has_role((coalesce(nullif(current_setting('role'),
                            'none'), session_user))::name, (SELECT relowner FROM pg_catalog.pg_class
                            WHERE oid = TG_RELID), 'USAGE')
                    ) THEN
                        RAISE EXCEPTION 'Staff release no hold of their own household.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'released_by_stranger', TABLE
                            = TG_TABLE_NAME;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "staffreason",
            FixedTrigger(
                name="note_stays",
                table="transaction_notes",
                when="BEFORE",
                operation="UPDATE OR DELETE",
                func="""
                    RAISE EXCEPTION 'A reason never changes.' USING ERRCODE = 'check_violation',
                        CONSTRAINT = 'note_stays', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "staffreason",
            FixedTrigger(
                name="notes_stay",
                table="transaction_notes",
                when="BEFORE",
                operation="TRUNCATE",
                level="STATEMENT",
                func="""
                    RAISE EXCEPTION 'Reasons never change.' USING ERRCODE = 'check_violation',
                        CONSTRAINT = 'notes_stay', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
    ]
