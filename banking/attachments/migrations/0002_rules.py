"""Creates the constraints and triggers of attached files."""

from django.db import migrations
from pgtrigger.migrations import AddTrigger

from ledger.db.triggers import FixedTrigger


class Migration(migrations.Migration):
    dependencies = [("attachments", "0001_tables")]

    operations = [
        AddTrigger(
            "attachment",
            FixedTrigger(
                name="attachment_of_own_side",
                table="attachments",
                when="BEFORE",
                operation="INSERT",
                func="""
                    IF NOT EXISTS (
                        SELECT FROM transactions AS row
                        JOIN accounts AS side ON side.id IN (row.from_account_id, row.to_account_id)
                        WHERE row.id = NEW.transaction_id AND side.user_id = NEW.owner_id
                    ) THEN
                        RAISE EXCEPTION 'Only the owner of a side can attach a receipt.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'attachment_of_own_side',
                            TABLE = TG_TABLE_NAME;
                    END IF;
                    RETURN NEW;
                """,
            ),
        )
    ]
