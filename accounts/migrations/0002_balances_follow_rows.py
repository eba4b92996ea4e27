"""What refuses a balance that no row moved, and a closed account that opens again."""

import ledger.db.triggers
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        # Room on each page for new versions of its rows: a balance then changes in place (HOT),
        # without an entry in any index.
        migrations.RunSQL(
            sql="ALTER TABLE accounts SET (fillfactor = 80)",
            reverse_sql="ALTER TABLE accounts RESET (fillfactor)",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="account",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="balance_follows_rows",
                sql=ledger.db.triggers.FirmTriggerSql(
                    condition="WHEN (pg_trigger_depth() = 0 AND (OLD.balance, OLD.held, OLD.last_entry_at) IS DISTINCT FROM (NEW.balance, NEW.held, NEW.last_entry_at))",
                    func="RAISE EXCEPTION 'A balance moves by posting a transaction.' USING ERRCODE = 'check_violation', CONSTRAINT = 'balance_follows_rows', TABLE = TG_TABLE_NAME;",
                    hash="3623a9dd369c7adbcde370443cf3654f9c937aa3",
                    operation="UPDATE",
                    pgid="pgtrigger_balance_follows_rows_9faac",
                    table="accounts",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="account",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="closed_account_stays_closed",
                sql=ledger.db.triggers.FirmTriggerSql(
                    condition="WHEN (OLD.status = 'closed' AND (OLD.user_id, OLD.number, OLD.currency, OLD.name, OLD.status, OLD.overdraft_limit, OLD.transfer_limit, OLD.daily_limit, OLD.closed_at) IS DISTINCT FROM (NEW.user_id, NEW.number, NEW.currency, NEW.name, NEW.status, NEW.overdraft_limit, NEW.transfer_limit, NEW.daily_limit, NEW.closed_at))",
                    func="RAISE EXCEPTION 'An account is closed for good.' USING ERRCODE = 'check_violation', CONSTRAINT = 'closed_account_stays_closed', TABLE = TG_TABLE_NAME;",
                    hash="4c24c1d2d1c4082babc6b0136dd5fd6fb22490ca",
                    operation="UPDATE",
                    pgid="pgtrigger_closed_account_stays_closed_f956b",
                    table="accounts",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="account",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="account_opens_empty",
                sql=ledger.db.triggers.FirmTriggerSql(
                    condition="WHEN (NEW.balance <> 0 OR NEW.held <> 0 OR NEW.last_entry_at IS NOT NULL)",
                    func="RAISE EXCEPTION 'An account is opened empty.' USING ERRCODE = 'check_violation', CONSTRAINT = 'account_opens_empty', TABLE = TG_TABLE_NAME;",
                    hash="e53a4f88464b1201342cb7787f492ac21369c3d2",
                    operation="INSERT",
                    pgid="pgtrigger_account_opens_empty_c620f",
                    table="accounts",
                    when="BEFORE",
                ),
            ),
        ),
    ]
