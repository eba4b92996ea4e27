"""Creates the constraints and triggers of reconciliations."""

from django.db import migrations
from pgtrigger.migrations import AddTrigger

from ledger.db.triggers import FixedTrigger


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0001_tables")]

    operations = [
        AddTrigger(
            "reconciliation",
            FixedTrigger(
                name="reconciled_one_at_a_time",
                table="reconciliations",
                when="BEFORE",
                operation="INSERT OR UPDATE OR DELETE",
                level="STATEMENT",
                func="""
                    IF current_setting('transaction_isolation') <> 'read committed' THEN
                        RAISE EXCEPTION 'Reconciliations change at READ COMMITTED alone.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'reconciled_one_at_a_time',
                            TABLE = TG_TABLE_NAME;
                    END IF;
                    IF TG_OP <> 'INSERT' THEN PERFORM pg_advisory_xact_lock(7402310);
                    END IF;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "reconciliation",
            FixedTrigger(
                name="reconciliation_begins_unsigned",
                table="reconciliations",
                when="BEFORE",
                operation="INSERT",
                func="""
                    IF num_nonnulls(NEW.signed_by_id, NEW.signed_at, NEW.countersigned_by_id,
                        NEW.countersigned_at) > 0
                    THEN
                        RAISE EXCEPTION 'A reconciliation begins unsigned.' USING ERRCODE =
                            'check_violation', CONSTRAINT = 'reconciliation_begins_unsigned', TABLE
                            = TG_TABLE_NAME;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "reconciliation",
            FixedTrigger(
                name="reconciliation_signed_by_two",
                table="reconciliations",
                when="BEFORE",
                operation="UPDATE",
                func="""
                    IF OLD.countersigned_by_id IS NOT NULL THEN
                        RAISE EXCEPTION 'A reconciliation signed by two is frozen.' USING ERRCODE =
                            'check_violation', CONSTRAINT = 'reconciliation_is_frozen', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    IF to_jsonb(OLD) -
                        '{signed_by_id, signed_at, countersigned_by_id, countersigned_at}'::text[]
                        <> to_jsonb(NEW) -
                        '{signed_by_id, signed_at, countersigned_by_id, countersigned_at}'::text[]
                        THEN
                        RAISE EXCEPTION 'What a file says of itself does not change.' USING ERRCODE
                            = 'check_violation', CONSTRAINT = 'reconciliation_facts_stay', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    IF OLD.signed_by_id IS NULL THEN
                        NEW.signed_at := CASE WHEN NEW.signed_by_id IS NOT NULL THEN
                            clock_timestamp() END;
                        IF EXISTS (
                            SELECT FROM reconciliation_lines AS line
                            WHERE line.reconciliation_id = NEW.id AND (
                                line.leftover <> '' OR abs(line.amount) = (
                                    SELECT coalesce(sum(amount), 0) FROM reconciliation_matches
                                        WHERE line_id = line.id
                                )
                            ) IS NOT TRUE
                        ) THEN
                            RAISE EXCEPTION 'Each line is matched or left over first.' USING ERRCODE
                                = 'check_violation', CONSTRAINT = 'reconciliation_is_settled', TABLE
                                = TG_TABLE_NAME;
                        END IF;
                    ELSIF NEW.signed_by_id IS NOT NULL THEN
                        NEW.signed_at := OLD.signed_at;
                        IF NEW.signed_by_id <> OLD.signed_by_id THEN
                            RAISE EXCEPTION 'Somebody has signed this already.' USING ERRCODE =
                                'check_violation', CONSTRAINT = 'reconciliation_signed_once', TABLE
                                = TG_TABLE_NAME;
                        END IF;
                    ELSE
                        NEW.signed_at := NULL;
                    END IF;
                    NEW.countersigned_at :=
                    CASE WHEN NEW.countersigned_by_id IS NOT NULL THEN clock_timestamp() END;
                    IF NEW.countersigned_by_id IS NOT NULL AND (
                        OLD.signed_by_id IS NULL OR NEW.signed_by_id IS NULL
                        OR NEW.countersigned_by_id = NEW.signed_by_id
                    ) THEN
                        RAISE EXCEPTION 'Two different people sign, one after the other.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'reconciliation_by_two', TABLE
                            = TG_TABLE_NAME;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "reconciliation",
            FixedTrigger(
                name="signed_reconciliation_stays",
                table="reconciliations",
                when="BEFORE",
                operation="DELETE",
                func="""
                    IF OLD.signed_by_id IS NOT NULL THEN
                        RAISE EXCEPTION 'What is signed is not deleted.' USING ERRCODE =
                            'check_violation', CONSTRAINT = 'signed_reconciliation_stays', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    RETURN OLD;
                """,
            ),
        ),
        AddTrigger(
            "reconciliation",
            FixedTrigger(
                name="frozen_is_registered",
                kind="definer",
                table="reconciliations",
                when="AFTER",
                operation="UPDATE",
                func="""
                    IF OLD.countersigned_by_id IS NULL AND NEW.countersigned_by_id IS NOT NULL THEN
                        INSERT INTO row_register (table_name, row_id, registered_at, digest)
                        VALUES (TG_TABLE_NAME, NEW.id::text, clock_timestamp(),
                            sha256(convert_to(json_build_array(NEW.id, NEW.account_id, NEW.format,
                            NEW.digest, NEW.currency, NEW.first_on, NEW.last_on, NEW.opening,
                            NEW.closing, NEW.line_count, NEW.unbooked_count, NEW.created_by_id,
                            NEW.signed_by_id, NEW.countersigned_by_id, NEW.created_at AT TIME ZONE
                            'UTC', NEW.signed_at AT TIME ZONE 'UTC', NEW.countersigned_at AT TIME
                            ZONE 'UTC', (
                                            SELECT json_agg(json_build_array(line.id, line.number,
                                                line.booked_on, line.amount,
                                                    line.leftover <> '') ORDER BY line.number,
                                                        line.id)
                                            FROM reconciliation_lines AS line WHERE
                                                line.reconciliation_id = NEW.id
                                        ), (
                                            SELECT json_agg(json_build_array(
                                                    match.id, match.line_id, match.transaction_id,
                                                        match.account_id, match.amount,
                                                    match.is_sure, match.created_by_id,
                                                        match.created_at AT TIME ZONE 'UTC'
                                                ) ORDER BY match.id)
                                            FROM reconciliation_matches AS match
                                            JOIN reconciliation_lines AS line ON line.id =
                                                match.line_id
                                            WHERE line.reconciliation_id = NEW.id
                                    ))::text, 'UTF8')))
                        ON CONFLICT DO NOTHING;
                    END IF;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "reconciliation",
            FixedTrigger(
                name="reconciliations_stay",
                table="reconciliations",
                when="BEFORE",
                operation="TRUNCATE",
                level="STATEMENT",
                func="""
                    RAISE EXCEPTION 'Reconciliations are never emptied.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'reconciliations_stay', TABLE =
                        TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "reconciliationline",
            FixedTrigger(
                name="lines_one_at_a_time",
                table="reconciliation_lines",
                when="BEFORE",
                operation="INSERT OR UPDATE OR DELETE",
                level="STATEMENT",
                func="""
                    IF current_setting('transaction_isolation') <> 'read committed' THEN
                        RAISE EXCEPTION 'Reconciliations change at READ COMMITTED alone.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'lines_one_at_a_time', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    IF TG_OP <> 'INSERT' THEN PERFORM pg_advisory_xact_lock(7402310);
                    END IF;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "reconciliationline",
            FixedTrigger(
                name="lines_of_signed_complete",
                table="reconciliation_lines",
                when="BEFORE",
                operation="INSERT OR DELETE",
                func="""
                    IF NOT EXISTS (SELECT FROM reconciliations WHERE id =
                        coalesce(OLD.reconciliation_id, NEW.reconciliation_id) AND signed_by_id IS
                        NULL FOR SHARE) THEN
                        RAISE EXCEPTION 'What is signed does not change any more.' USING ERRCODE =
                            'check_violation', CONSTRAINT = 'lines_of_signed_complete', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    RETURN coalesce(NEW, OLD);
                """,
            ),
        ),
        AddTrigger(
            "reconciliationline",
            FixedTrigger(
                name="reconciliation_line_stays",
                table="reconciliation_lines",
                when="BEFORE",
                operation="UPDATE",
                func="""
                    IF NOT EXISTS (SELECT FROM reconciliations WHERE id = OLD.reconciliation_id AND
                        signed_by_id IS NULL FOR SHARE) THEN
                        RAISE EXCEPTION 'What is signed does not change any more.' USING ERRCODE =
                            'check_violation', CONSTRAINT = 'line_of_signed_stays', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    IF to_jsonb(OLD) - 'leftover' <> to_jsonb(NEW) - 'leftover' THEN
                        RAISE EXCEPTION 'A line of the file does not change.' USING ERRCODE =
                            'check_violation', CONSTRAINT = 'reconciliation_line_stays', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "reconciliationline",
            FixedTrigger(
                name="reconciliation_lines_stay",
                table="reconciliation_lines",
                when="BEFORE",
                operation="TRUNCATE",
                level="STATEMENT",
                func="""
                    RAISE EXCEPTION 'Reconciliations are never emptied.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'reconciliation_lines_stay', TABLE =
                        TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "reconciliationmatch",
            FixedTrigger(
                name="matched_one_at_a_time",
                table="reconciliation_matches",
                when="BEFORE",
                operation="INSERT OR UPDATE OR DELETE",
                level="STATEMENT",
                func="""
                    IF current_setting('transaction_isolation') <> 'read committed' THEN
                        RAISE EXCEPTION 'Reconciliations change at READ COMMITTED alone.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'matched_one_at_a_time', TABLE
                            = TG_TABLE_NAME;
                    END IF;
                    PERFORM pg_advisory_xact_lock(7402310);
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "reconciliationmatch",
            FixedTrigger(
                name="matches_fit",
                kind="definer",
                table="reconciliation_matches",
                when="AFTER",
                operation="INSERT",
                level="STATEMENT",
                referencing="REFERENCING NEW TABLE AS added",
                func="""
                    IF EXISTS (
                        SELECT FROM added JOIN reconciliation_lines AS line ON line.id =
                            added.line_id
                        JOIN reconciliations AS it ON it.id = line.reconciliation_id
                        WHERE it.signed_by_id IS NOT NULL
                    ) THEN
                        RAISE EXCEPTION 'What is signed does not change any more.' USING ERRCODE =
                            'check_violation', CONSTRAINT = 'no_match_of_signed', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    IF EXISTS (
                        SELECT FROM added JOIN reconciliation_lines AS line ON line.id =
                            added.line_id
                        JOIN reconciliations AS it ON it.id = line.reconciliation_id
                        LEFT JOIN transactions AS paid ON paid.id = added.transaction_id
                        WHERE (
                            paid.status = 'completed' AND paid.currency = it.currency AND CASE
                            WHEN it.account_id IS NULL AND line.amount > 0 THEN paid.from_account_id
                                IS NULL
                            WHEN it.account_id IS NULL THEN paid.to_account_id IS NULL
                            WHEN line.amount > 0 THEN paid.to_account_id = it.account_id
                            ELSE paid.from_account_id = it.account_id END
                            AND added.account_id IS NOT DISTINCT FROM it.account_id
                        ) IS NOT TRUE
                    ) THEN
                        RAISE EXCEPTION 'This payment is not booked on this settlement account.'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'match_of_the_books',
                            TABLE = TG_TABLE_NAME;
                    END IF;
                    IF EXISTS (
                        SELECT FROM reconciliation_matches AS match
                        JOIN reconciliation_lines AS line ON line.id = match.line_id
                        WHERE match.line_id IN (SELECT line_id FROM added)
                        GROUP BY line.id HAVING sum(match.amount) > abs(line.amount)
                    ) THEN
                        RAISE EXCEPTION 'More would be matched than the line has.' USING ERRCODE =
                            'check_violation', CONSTRAINT = 'match_within_line', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    IF EXISTS (
                        SELECT FROM reconciliation_matches AS match
                        JOIN transactions AS paid ON paid.id = match.transaction_id
                        WHERE match.transaction_id IN (SELECT transaction_id FROM added)
                        GROUP BY paid.id, match.account_id HAVING sum(match.amount) > paid.amount
                    ) THEN
                        RAISE EXCEPTION 'More would be matched than the payment has.' USING ERRCODE
                            = 'check_violation', CONSTRAINT = 'match_within_payment', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    RETURN NULL;
                """,
            ),
        ),
        AddTrigger(
            "reconciliationmatch",
            FixedTrigger(
                name="match_stays",
                table="reconciliation_matches",
                when="BEFORE",
                operation="UPDATE",
                func="""
                    RAISE EXCEPTION 'A match does not change; delete it and match anew.' USING
                        ERRCODE = 'check_violation', CONSTRAINT = 'match_stays', TABLE =
                        TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "reconciliationmatch",
            FixedTrigger(
                name="unmatched_while_open",
                table="reconciliation_matches",
                when="BEFORE",
                operation="DELETE",
                func="""
                    IF NOT EXISTS (SELECT FROM reconciliations WHERE id = (SELECT reconciliation_id
                        FROM reconciliation_lines WHERE id = OLD.line_id) AND signed_by_id IS NULL)
                        THEN
                        RAISE EXCEPTION 'What is signed does not change any more.' USING ERRCODE =
                            'check_violation', CONSTRAINT = 'match_of_signed_stays', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    RETURN OLD;
                """,
            ),
        ),
        AddTrigger(
            "reconciliationmatch",
            FixedTrigger(
                name="reconciliation_matches_stay",
                table="reconciliation_matches",
                when="BEFORE",
                operation="TRUNCATE",
                level="STATEMENT",
                func="""
                    RAISE EXCEPTION 'Reconciliations are never emptied.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'reconciliation_matches_stay', TABLE =
                        TG_TABLE_NAME;
                """,
            ),
        ),
    ]
