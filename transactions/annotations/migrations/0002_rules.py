"""Creates the triggers and constraints of notes, tags and own categories."""

from django.db import migrations
from pgtrigger.migrations import AddTrigger

from ledger.db.triggers import FixedTrigger


class Migration(migrations.Migration):
    dependencies = [("annotations", "0001_tables")]

    operations = [
        AddTrigger(
            "annotation",
            FixedTrigger(
                name="annotation_of_own_side",
                table="annotations",
                when="BEFORE",
                operation="INSERT",
                func="""
                    IF NOT EXISTS (
                        SELECT FROM transactions AS row
                        JOIN accounts AS side ON side.id IN (row.from_account_id, row.to_account_id)
                        WHERE row.id = NEW.transaction_id AND side.user_id = NEW.owner_id
                    ) THEN
                        RAISE EXCEPTION 'Only the owner of a side can write a note on it.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'annotation_of_own_side',
                            TABLE = TG_TABLE_NAME;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "annotation",
            FixedTrigger(
                name="row_is_registered",
                kind="definer",
                table="annotations",
                when="AFTER",
                operation="INSERT",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS added",
                func="""
                    INSERT INTO row_register (table_name, row_id, registered_at, digest)
                    SELECT TG_TABLE_NAME, added."id"::text, clock_timestamp(),
                    sha256(convert_to(json_build_array(added."created_at" AT TIME ZONE 'UTC',
                        added."id", added."owner_id", added."tags", added."text",
                        added."transaction_id")::text, 'UTF8'))
                    FROM added
                    ON CONFLICT DO NOTHING;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "annotation",
            FixedTrigger(
                name="annotation_stays",
                table="annotations",
                when="BEFORE",
                operation="UPDATE OR DELETE",
                func="""
                    RAISE EXCEPTION 'A note never changes; a new version is a new row.' USING
                        ERRCODE = 'check_violation', CONSTRAINT = 'annotation_stays', TABLE =
                        TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "annotation",
            FixedTrigger(
                name="annotations_stay",
                table="annotations",
                when="BEFORE",
                operation="TRUNCATE",
                level="STATEMENT",
                func="""
                    RAISE EXCEPTION 'A note never changes; a new version is a new row.' USING
                        ERRCODE = 'check_violation', CONSTRAINT = 'annotations_stay', TABLE =
                        TG_TABLE_NAME;
                """,
            ),
        ),
    ]
