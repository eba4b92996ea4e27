"""Creates the constraints and triggers of monthly statements."""

from django.db import migrations
from pgtrigger.migrations import AddTrigger

from ledger.db.triggers import FixedTrigger


class Migration(migrations.Migration):
    dependencies = [("statement_files", "0001_tables")]

    operations = [
        AddTrigger(
            "monthlystatement",
            FixedTrigger(
                name="statement_follows",
                table="monthly_statements",
                when="BEFORE",
                operation="INSERT",
                declare="""
                    DECLARE last monthly_statements%ROWTYPE;
                    books record;
                """,
                func="""
                    SELECT * INTO last FROM monthly_statements
                    WHERE account_id = NEW.account_id ORDER BY number DESC LIMIT 1;
                    IF NEW.number <> coalesce(last.number, 0) + 1
                    OR NEW.starts_at IS DISTINCT FROM coalesce(last.ends_at, NEW.starts_at)
                    OR NEW.opening <> coalesce(last.closing, 0)
                    THEN
                        RAISE EXCEPTION 'A statement begins where the one before it ends.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'statement_follows', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    IF NOT EXISTS (
                        SELECT FROM seals WHERE number = NEW.seal_id AND ends_at >= NEW.ends_at
                    ) THEN
                        RAISE EXCEPTION 'A statement is issued when its month is sealed.' USING
                            ERRCODE = 'check_violation', CONSTRAINT = 'statement_is_sealed', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    IF NEW.starts_at NOT BETWEEN ((NEW.month::timestamp) AT TIME ZONE 'UTC') -
                        interval '14 hours' AND ((NEW.month::timestamp) AT TIME ZONE 'UTC') +
                        interval '14 hours'
                    OR NEW.ends_at NOT BETWEEN ((NEW.month + interval '1 month') AT TIME ZONE 'UTC')
                        - interval '14 hours' AND ((NEW.month + interval '1 month') AT TIME ZONE
                        'UTC') + interval '14 hours'
                    THEN
                        RAISE EXCEPTION 'The period of a statement is its month.' USING ERRCODE =
                            'check_violation', CONSTRAINT = 'statement_is_of_its_month', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    SELECT (
                        SELECT balance FROM entries WHERE account_id = NEW.account_id
                        AND status = 'completed' AND created_at < NEW.starts_at
                        ORDER BY created_at DESC LIMIT 1
                    ) AS opening,
                    (
                        SELECT balance FROM entries WHERE account_id = NEW.account_id
                        AND status = 'completed' AND created_at < NEW.ends_at
                        ORDER BY created_at DESC LIMIT 1
                    ) AS closing,
                    count(*) AS entries,
                    coalesce(sum(amount) FILTER (WHERE direction = 'credit'), 0) AS money_in,
                    coalesce(sum(amount) FILTER (WHERE direction = 'debit'), 0) AS money_out
                    INTO books
                    FROM entries WHERE account_id = NEW.account_id AND status = 'completed'
                    AND created_at >= NEW.starts_at AND created_at < NEW.ends_at;
                    IF NEW.number = 1 AND books.opening IS NOT NULL THEN
                        RAISE EXCEPTION 'Statements begin before the first entry.' USING ERRCODE =
                            'check_violation', CONSTRAINT = 'statement_is_the_first', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    IF NEW.opening <> coalesce(books.opening, 0) OR NEW.closing <>
                        coalesce(books.closing, 0)
                    OR NEW.money_in <> books.money_in OR NEW.money_out <> books.money_out
                    OR NEW.entry_count <> books.entries
                    THEN
                        RAISE EXCEPTION 'A statement has the figures of the books.' USING ERRCODE =
                            'check_violation', CONSTRAINT = 'statement_of_the_books', TABLE =
                            TG_TABLE_NAME;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ),
        AddTrigger(
            "monthlystatement",
            FixedTrigger(
                name="statement_stays",
                table="monthly_statements",
                when="BEFORE",
                operation="UPDATE OR DELETE",
                func="""
                    RAISE EXCEPTION 'A statement that is issued stays.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'statement_stays', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
        AddTrigger(
            "monthlystatement",
            FixedTrigger(
                name="statements_stay",
                table="monthly_statements",
                when="BEFORE",
                operation="TRUNCATE",
                level="STATEMENT",
                func="""
                    RAISE EXCEPTION 'A statement that is issued stays.' USING ERRCODE =
                        'check_violation', CONSTRAINT = 'statements_stay', TABLE = TG_TABLE_NAME;
                """,
            ),
        ),
    ]
