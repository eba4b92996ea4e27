"""Plainer sentences in the errors of triggers and constraints; no rule and no table changes."""

import ledger.db.triggers
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_plain_messages"),
        ("transactions", "0013_staff_reasons"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="annotation",
            name="annotation_of_own_side",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="annotation",
            name="annotation_stays",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="annotation",
            name="annotations_stay",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="auditrun",
            name="audit_run_stays",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="auditrun",
            name="audit_runs_stay",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="staffreason",
            name="note_stays",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="staffreason",
            name="notes_stay",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="transaction",
            name="balances_follow_rows",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="annotation",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="annotation_of_own_side",
                sql=ledger.db.triggers.FirmTriggerSql(
                    func="\n        IF NOT EXISTS (\n            SELECT FROM transactions AS row\n            JOIN accounts AS side ON side.id IN (row.from_account_id, row.to_account_id)\n            WHERE row.id = NEW.transaction_id AND side.user_id = NEW.owner_id\n        ) THEN\n            RAISE EXCEPTION 'Only the owner of a side can write a note on it.' USING ERRCODE = 'check_violation', CONSTRAINT = 'annotation_of_own_side', TABLE = TG_TABLE_NAME;\n        END IF;\n        RETURN NEW;\n    ",
                    hash="e25ff19429792bdcf9fff94c3902d1a043ef2289",
                    operation="INSERT",
                    pgid="pgtrigger_annotation_of_own_side_0a6f1",
                    table="annotations",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="annotation",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="annotation_stays",
                sql=ledger.db.triggers.FirmTriggerSql(
                    func="RAISE EXCEPTION 'A note never changes; a new version is a new row.' USING ERRCODE = 'check_violation', CONSTRAINT = 'annotation_stays', TABLE = TG_TABLE_NAME;",
                    hash="827ede491e2892209ea60a215a96d4704f8da40c",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_annotation_stays_fe3aa",
                    table="annotations",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="annotation",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="annotations_stay",
                sql=ledger.db.triggers.FirmTriggerSql(
                    func="RAISE EXCEPTION 'A note never changes; a new version is a new row.' USING ERRCODE = 'check_violation', CONSTRAINT = 'annotations_stay', TABLE = TG_TABLE_NAME;",
                    hash="098141309ff51bc44c059d04f0650d065c59ee52",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_annotations_stay_efee4",
                    table="annotations",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="auditrun",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="audit_run_stays",
                sql=ledger.db.triggers.FirmTriggerSql(
                    func="RAISE EXCEPTION 'The findings of an audit never change.' USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_run_stays', TABLE = TG_TABLE_NAME;",
                    hash="29b712905cb630e9cbf786c9ad6c8d5b4c29026a",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_audit_run_stays_ff875",
                    table="audit_runs",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="auditrun",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="audit_runs_stay",
                sql=ledger.db.triggers.FirmTriggerSql(
                    func="RAISE EXCEPTION 'The findings of an audit never change.' USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_runs_stay', TABLE = TG_TABLE_NAME;",
                    hash="301757d9140cc599ba1809b9534da1f12ae1e1c4",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_audit_runs_stay_d11f1",
                    table="audit_runs",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="staffreason",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="note_stays",
                sql=ledger.db.triggers.FirmTriggerSql(
                    func="RAISE EXCEPTION 'A reason never changes.' USING ERRCODE = 'check_violation', CONSTRAINT = 'note_stays', TABLE = TG_TABLE_NAME;",
                    hash="6044d6cb757a3c9b6817f0ed357c41ab9c4e8c24",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_note_stays_13c69",
                    table="transaction_notes",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="staffreason",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="notes_stay",
                sql=ledger.db.triggers.FirmTriggerSql(
                    func="RAISE EXCEPTION 'Reasons never change.' USING ERRCODE = 'check_violation', CONSTRAINT = 'notes_stay', TABLE = TG_TABLE_NAME;",
                    hash="ec8b9193fdf7ed2895d96a9e83dcb24a7de73557",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_notes_stay_0cfdd",
                    table="transaction_notes",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="transaction",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="balances_follow_rows",
                sql=ledger.db.triggers.DefinerTriggerSql(
                    declare="DECLARE one record; change numeric := 0; reserved numeric := 0; missed bigint := 0; moved bigint; latest timestamptz := clock_timestamp() + interval '5 minutes';",
                    func="\n        SELECT from_account_id, to_account_id, amount, status, created_at, from_balance,\n               to_balance, captures_id,\n               (SELECT count(*) FROM (SELECT FROM added LIMIT 2) AS few) AS rows\n        INTO one FROM added LIMIT 1;\n        IF one.rows IS NULL THEN\n            RETURN NULL;\n        END IF;\n        IF one.captures_id IS NOT NULL OR (\n            one.rows > 1 AND EXISTS (SELECT FROM added WHERE captures_id IS NOT NULL)\n        ) THEN\n            UPDATE transactions SET status = 'captured'\n            WHERE id IN (SELECT captures_id FROM added WHERE captures_id IS NOT NULL);\n        END IF;\n        IF one.rows > 1 THEN\n            EXECUTE $many$\n    WITH sides AS (\n        SELECT from_account_id AS account_id, true AS sends, created_at, from_balance AS balance,\n               CASE status WHEN 'completed' THEN -amount ELSE 0 END AS change,\n               CASE status WHEN 'pending' THEN amount ELSE 0 END AS held\n        FROM added WHERE from_account_id IS NOT NULL\n        UNION ALL\n        SELECT to_account_id, false, created_at, to_balance,\n               CASE status WHEN 'completed' THEN amount ELSE 0 END, 0\n        FROM added WHERE to_account_id IS NOT NULL\n    ), lines AS (\n        SELECT account_id, sends, created_at, change, held,\n               balance - sum(change) OVER account AS opening,\n               lag(created_at) OVER account AS created_before\n        FROM sides\n        WINDOW account AS (PARTITION BY account_id ORDER BY created_at ROWS UNBOUNDED PRECEDING)\n    ), moves AS (\n        SELECT account_id, bool_or(sends) AS sends, sum(change) AS change, sum(held) AS held,\n               min(created_at) AS first, max(created_at) AS last,\n               min(opening) AS least, max(opening) AS most,\n               bool_or(created_at = created_before) AS tie\n        FROM lines GROUP BY account_id\n    ), moving AS (\n        UPDATE accounts\n        SET balance = accounts.balance + moves.change, held = accounts.held + moves.held,\n            last_entry_at = moves.last\n        FROM moves\n        WHERE accounts.id = moves.account_id\n          AND (accounts.status = 'active' OR accounts.status = 'frozen' AND NOT moves.sends)\n          AND (accounts.last_entry_at < moves.first OR accounts.last_entry_at IS NULL)\n          AND moves.last < clock_timestamp() + interval '5 minutes'\n          AND moves.tie IS NOT TRUE\n          AND (moves.least IS NULL\n               OR moves.least = accounts.balance AND moves.most = accounts.balance)\n        RETURNING 1\n    )\n    SELECT (SELECT count(*) FROM moves) - (SELECT count(*) FROM moving)\n$many$ INTO missed;\n        ELSE\n            \n    IF one.status = 'completed' THEN change := one.amount; ELSE reserved := one.amount; END IF;\n    IF one.from_account_id IS NOT NULL THEN\n        UPDATE accounts SET balance = balance - change, held = held + reserved,\n                            last_entry_at = one.created_at\n        WHERE id = one.from_account_id AND status = 'active'\n          AND (last_entry_at < one.created_at OR last_entry_at IS NULL)\n          AND one.created_at < latest\n          AND (one.from_balance IS NULL OR one.from_balance = balance - change);\n        GET DIAGNOSTICS moved = ROW_COUNT;\n        missed := 1 - moved;\n    END IF;\n    IF one.to_account_id IS NOT NULL THEN\n        UPDATE accounts SET balance = balance + change, last_entry_at = one.created_at\n        WHERE id = one.to_account_id AND status <> 'closed'\n          AND (last_entry_at < one.created_at OR last_entry_at IS NULL)\n          AND one.created_at < latest\n          AND (one.to_balance IS NULL OR one.to_balance = balance + change);\n        GET DIAGNOSTICS moved = ROW_COUNT;\n        missed := missed + 1 - moved;\n    END IF;\n\n        END IF;\n        IF missed <> 0 THEN\n            IF EXISTS (\n                SELECT FROM added JOIN accounts\n                ON accounts.id = from_account_id AND accounts.status <> 'active'\n                OR accounts.id = to_account_id AND accounts.status = 'closed'\n            ) THEN\n                RAISE EXCEPTION 'A frozen account cannot send money, and a closed one can neither send nor receive.' USING ERRCODE = 'check_violation', CONSTRAINT = 'account_may_move', TABLE = TG_TABLE_NAME;\n            END IF;\n            RAISE EXCEPTION 'Each row comes after the last entry of its accounts and not in the future, and each stored balance is the one before it plus its amount.' USING ERRCODE = 'check_violation', CONSTRAINT = 'rows_continue_the_books', TABLE = TG_TABLE_NAME;\n        END IF;\n        RETURN NULL;\n    ",
                    hash="d46f7c6944df77a6c8c03baca46117430b174394",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_balances_follow_rows_752b3",
                    referencing="REFERENCING NEW TABLE AS added ",
                    table="transactions",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AlterConstraint(
            model_name="annotation",
            name="annotation_moments_differ",
            constraint=models.UniqueConstraint(
                models.F("owner"),
                models.F("transaction"),
                models.OrderBy(models.F("created_at"), descending=True),
                name="annotation_moments_differ",
                violation_error_message="A person's notes on one transaction have different times.",
            ),
        ),
        migrations.AlterConstraint(
            model_name="namesasked",
            name="names_asked_once_a_day",
            constraint=models.UniqueConstraint(
                fields=("user", "day"),
                name="names_asked_once_a_day",
                violation_error_message="A person has one count of names per day.",
            ),
        ),
        migrations.AlterConstraint(
            model_name="paymentfile",
            name="payment_file_once_a_run",
            constraint=models.UniqueConstraint(
                fields=("from_account", "digest", "run"),
                name="payment_file_once_a_run",
                violation_error_message="This file was already uploaded under this label.",
            ),
        ),
        migrations.AlterConstraint(
            model_name="paymentline",
            name="unread_line_is_refused",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("amount__isnull", False), ("to_account__isnull", False)),
                    models.Q(("verdict", ""), _negated=True),
                    _connector="OR",
                ),
                name="unread_line_is_refused",
                violation_error_message="A line that could not be read needs a refusal.",
            ),
        ),
        migrations.AlterConstraint(
            model_name="staffreason",
            name="note_action_valid",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("action__in", ["refund", "hold", "capture", "release", "file"])
                ),
                name="note_action_valid",
                violation_error_message="A reason belongs to a refund, hold, capture, release or payment from a file.",
            ),
        ),
    ]
