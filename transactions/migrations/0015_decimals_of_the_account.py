"""The trigger of balances compares decimals with the minor units that accounts store."""

import ledger.db.triggers
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_currencies"),
        ("transactions", "0014_plain_messages"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="transaction",
            name="balances_follow_rows",
        ),
        migrations.RemoveConstraint(
            model_name="transaction",
            name="amount_fits_currency",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="transaction",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="balances_follow_rows",
                sql=ledger.db.triggers.DefinerTriggerSql(
                    declare="DECLARE one record; change numeric := 0; reserved numeric := 0; missed bigint := 0; moved bigint; latest timestamptz := clock_timestamp() + interval '5 minutes';",
                    func="\n        SELECT from_account_id, to_account_id, amount, status, created_at, from_balance,\n               to_balance, captures_id,\n               (SELECT count(*) FROM (SELECT FROM added LIMIT 2) AS few) AS rows\n        INTO one FROM added LIMIT 1;\n        IF one.rows IS NULL THEN\n            RETURN NULL;\n        END IF;\n        IF one.captures_id IS NOT NULL OR (\n            one.rows > 1 AND EXISTS (SELECT FROM added WHERE captures_id IS NOT NULL)\n        ) THEN\n            UPDATE transactions SET status = 'captured'\n            WHERE id IN (SELECT captures_id FROM added WHERE captures_id IS NOT NULL);\n        END IF;\n        IF one.rows > 1 THEN\n            EXECUTE $many$\n    WITH sides AS (\n        SELECT from_account_id AS account_id, true AS sends, created_at, from_balance AS balance,\n               CASE status WHEN 'completed' THEN -amount ELSE 0 END AS change,\n               CASE status WHEN 'pending' THEN amount ELSE 0 END AS held,\n               scale(trim_scale(amount)) AS decimals\n        FROM added WHERE from_account_id IS NOT NULL\n        UNION ALL\n        SELECT to_account_id, false, created_at, to_balance,\n               CASE status WHEN 'completed' THEN amount ELSE 0 END, 0,\n               scale(trim_scale(amount))\n        FROM added WHERE to_account_id IS NOT NULL\n    ), lines AS (\n        SELECT account_id, sends, created_at, change, held, decimals,\n               balance - sum(change) OVER account AS opening,\n               lag(created_at) OVER account AS created_before\n        FROM sides\n        WINDOW account AS (PARTITION BY account_id ORDER BY created_at ROWS UNBOUNDED PRECEDING)\n    ), moves AS (\n        SELECT account_id, bool_or(sends) AS sends, sum(change) AS change, sum(held) AS held,\n               min(created_at) AS first, max(created_at) AS last,\n               min(opening) AS least, max(opening) AS most, max(decimals) AS decimals,\n               bool_or(created_at = created_before) AS tie\n        FROM lines GROUP BY account_id\n    ), moving AS (\n        UPDATE accounts\n        SET balance = accounts.balance + moves.change, held = accounts.held + moves.held,\n            last_entry_at = moves.last\n        FROM moves\n        WHERE accounts.id = moves.account_id\n          AND (accounts.status = 'active' OR accounts.status = 'frozen' AND NOT moves.sends)\n          AND (accounts.last_entry_at < moves.first OR accounts.last_entry_at IS NULL)\n          AND moves.last < clock_timestamp() + interval '5 minutes'\n          AND moves.tie IS NOT TRUE\n          AND moves.decimals <= accounts.minor_units\n          AND (moves.least IS NULL\n               OR moves.least = accounts.balance AND moves.most = accounts.balance)\n        RETURNING 1\n    )\n    SELECT (SELECT count(*) FROM moves) - (SELECT count(*) FROM moving)\n$many$ INTO missed;\n        ELSE\n            \n    IF one.status = 'completed' THEN change := one.amount; ELSE reserved := one.amount; END IF;\n    IF one.from_account_id IS NOT NULL THEN\n        UPDATE accounts SET balance = balance - change, held = held + reserved,\n                            last_entry_at = one.created_at\n        WHERE id = one.from_account_id AND status = 'active'\n          AND (last_entry_at < one.created_at OR last_entry_at IS NULL)\n          AND one.created_at < latest\n          AND (one.from_balance IS NULL OR one.from_balance = balance - change)\n          AND one.amount = round(one.amount, minor_units);\n        GET DIAGNOSTICS moved = ROW_COUNT;\n        missed := 1 - moved;\n    END IF;\n    IF one.to_account_id IS NOT NULL THEN\n        UPDATE accounts SET balance = balance + change, last_entry_at = one.created_at\n        WHERE id = one.to_account_id AND status <> 'closed'\n          AND (last_entry_at < one.created_at OR last_entry_at IS NULL)\n          AND one.created_at < latest\n          AND (one.to_balance IS NULL OR one.to_balance = balance + change)\n          AND one.amount = round(one.amount, minor_units);\n        GET DIAGNOSTICS moved = ROW_COUNT;\n        missed := missed + 1 - moved;\n    END IF;\n\n        END IF;\n        IF missed <> 0 THEN\n            IF EXISTS (\n                SELECT FROM added JOIN accounts\n                ON accounts.id IN (from_account_id, to_account_id)\n                AND amount <> round(amount, minor_units)\n            ) THEN\n                RAISE EXCEPTION 'The amount has more decimals than its currency.' USING ERRCODE = 'check_violation', CONSTRAINT = 'amount_fits_currency', TABLE = TG_TABLE_NAME;\n            END IF;\n            IF EXISTS (\n                SELECT FROM added JOIN accounts\n                ON accounts.id = from_account_id AND accounts.status <> 'active'\n                OR accounts.id = to_account_id AND accounts.status = 'closed'\n            ) THEN\n                RAISE EXCEPTION 'A frozen account cannot send money, and a closed one can neither send nor receive.' USING ERRCODE = 'check_violation', CONSTRAINT = 'account_may_move', TABLE = TG_TABLE_NAME;\n            END IF;\n            RAISE EXCEPTION 'Each row comes after the last entry of its accounts and not in the future, and each stored balance is the one before it plus its amount.' USING ERRCODE = 'check_violation', CONSTRAINT = 'rows_continue_the_books', TABLE = TG_TABLE_NAME;\n        END IF;\n        RETURN NULL;\n    ",
                    hash="7558c4abbcef17039749c99d36a5b58aa74d2f16",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_balances_follow_rows_752b3",
                    referencing="REFERENCING NEW TABLE AS added ",
                    table="transactions",
                    when="AFTER",
                ),
            ),
        ),
    ]
