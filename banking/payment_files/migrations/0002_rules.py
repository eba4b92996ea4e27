"""Creates the constraints and triggers of payment files and their lines."""

from django.db import migrations
from pgtrigger.migrations import AddTrigger

from ledger.db.triggers import FixedTrigger


class Migration(migrations.Migration):
    dependencies = [("payment_files", "0001_tables"), ("accounts", "0009_currencies")]

    operations = [
        migrations.CreateModel(
            name="FileRequest",
            fields=[],
            options={"proxy": True, "default_permissions": ()},
            bases=("accounts.approvalrequest",),
        ),
        AddTrigger(
            "paymentline",
            FixedTrigger(
                name="line_of_request_stays",
                kind="definer",
                table="payment_lines",
                when="BEFORE",
                operation='UPDATE OF "id", "file_id", "number", "to_account_id", "amount"',
                func="""
                    IF (OLD.id, OLD.file_id, OLD.number, OLD.to_account_id, OLD.amount)
                    IS NOT DISTINCT FROM (NEW.id, NEW.file_id, NEW.number, NEW.to_account_id,
                        NEW.amount)
                    THEN
                        RETURN NEW;
                    END IF;
                    PERFORM FROM payment_files WHERE id IN (OLD.file_id, NEW.file_id) ORDER BY id
                        FOR KEY SHARE;
                    IF current_setting('transaction_isolation') <> 'read committed'
                    OR EXISTS (
                        SELECT FROM approval_requests
                        WHERE kind = 'payment_file' AND status <> 'declined' AND status <>
                            'withdrawn'
                        AND transaction_id IN (OLD.file_id, NEW.file_id))
                    THEN
                        RAISE EXCEPTION 'The lines of a file that waits for approval stay.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'line_of_request_stays', TABLE
                            = TG_TABLE_NAME;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "paymentline",
            FixedTrigger(
                name="no_line_joins_a_request",
                kind="definer",
                table="payment_lines",
                when="AFTER",
                operation="INSERT",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS added",
                func="""
                    PERFORM FROM payment_files WHERE id IN (SELECT file_id FROM added)
                    ORDER BY id FOR KEY SHARE;
                    IF current_setting('transaction_isolation') <> 'read committed'
                    OR EXISTS (
                        SELECT FROM approval_requests
                        WHERE kind = 'payment_file' AND status <> 'declined' AND status <>
                            'withdrawn'
                        AND transaction_id IN (SELECT file_id FROM added))
                    THEN
                        RAISE EXCEPTION 'No line joins a file that waits for approval.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'no_line_joins_a_request',
                            TABLE = TG_TABLE_NAME;
                    END IF;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "paymentline",
            FixedTrigger(
                name="no_line_leaves_a_request",
                kind="definer",
                table="payment_lines",
                when="AFTER",
                operation="DELETE",
                level="STATEMENT",
                referencing="REFERENCING OLD TABLE AS gone",
                func="""
                    PERFORM FROM payment_files WHERE id IN (SELECT file_id FROM gone)
                    ORDER BY id FOR KEY SHARE;
                    IF EXISTS (SELECT FROM gone) AND current_setting('transaction_isolation') <>
                        'read committed'
                    OR EXISTS (
                        SELECT FROM approval_requests
                        WHERE kind = 'payment_file' AND status <> 'declined' AND status <>
                            'withdrawn'
                        AND status <> 'done' AND expires_at > clock_timestamp()
                        AND transaction_id IN (SELECT file_id FROM gone))
                    THEN
                        RAISE EXCEPTION 'No line leaves a file that waits for approval.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'no_line_leaves_a_request',
                            TABLE = TG_TABLE_NAME;
                    END IF;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "filerequest",
            FixedTrigger(
                name="request_for_file",
                kind="definer",
                table="approval_requests",
                when="AFTER",
                operation="INSERT",
                condition="WHEN (NEW.kind = 'payment_file')",
                declare="""
                    DECLARE payer record;
                    asked record;
                """,
                func="""
                    SELECT account.id, account.currency INTO payer
                    FROM payment_files AS file JOIN accounts AS account ON account.id =
                        file.from_account_id
                    WHERE file.id = NEW.transaction_id FOR UPDATE OF file;
                    WITH lines AS (
                        INSERT INTO approval_payments (id, request_id, payment_id, to_account_id,
                            amount)
                        SELECT md5(concat(NEW.id, ' ', id))::uuid, NEW.id, id, to_account_id, amount
                        FROM payment_lines
                        WHERE file_id = NEW.transaction_id AND NOT booked AND verdict = ''
                        RETURNING amount
                    )
                    SELECT count(*) AS lines, coalesce(sum(amount), 0) AS amount INTO asked FROM
                        lines;
                    IF NEW.amount <> asked.amount
                    OR NEW.parameters->'lines' IS DISTINCT FROM to_jsonb(asked.lines)
                    OR (NEW.from_account_id, NEW.currency) IS DISTINCT FROM (payer.id,
                        payer.currency)
                    OR current_setting('transaction_isolation') <> 'read committed'
                    THEN
                        RAISE EXCEPTION 'A request for a file is for all that can be paid of it.'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'request_for_file',
                            TABLE = TG_TABLE_NAME;
                    END IF;
                    RETURN NULL;
                """,
            ),
        ),
    ]
