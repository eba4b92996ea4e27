"""Plainer sentences in the errors of triggers and constraints; no rule and no table changes."""

import ledger.db.triggers
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_one_index_of_names"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="account",
            name="balance_follows_rows",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="account",
            name="closed_account_stays_closed",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="statuschange",
            name="status_change_stays",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="statuschange",
            name="status_changes_stay",
        ),
        migrations.AlterField(
            model_name="user",
            name="email",
            field=models.EmailField(
                error_messages={"unique": "Somebody already signs in with this address."},
                max_length=254,
                unique=True,
                verbose_name="email",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="account",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="balance_follows_rows",
                sql=ledger.db.triggers.FirmTriggerSql(
                    condition="WHEN (pg_trigger_depth() = 0 AND (OLD.balance, OLD.held, OLD.last_entry_at) IS DISTINCT FROM (NEW.balance, NEW.held, NEW.last_entry_at))",
                    func="RAISE EXCEPTION 'Only posted transactions change a balance.' USING ERRCODE = 'check_violation', CONSTRAINT = 'balance_follows_rows', TABLE = TG_TABLE_NAME;",
                    hash="4b10e975e9c38a7bfffd8a3144b45a827e83ce66",
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
                    func="RAISE EXCEPTION 'A closed account never changes.' USING ERRCODE = 'check_violation', CONSTRAINT = 'closed_account_stays_closed', TABLE = TG_TABLE_NAME;",
                    hash="6e93fd19951bec4a42a31706d91e6a35dcc01701",
                    operation="UPDATE",
                    pgid="pgtrigger_closed_account_stays_closed_f956b",
                    table="accounts",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="statuschange",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="status_change_stays",
                sql=ledger.db.triggers.FirmTriggerSql(
                    func="RAISE EXCEPTION 'A status change is never edited or deleted.' USING ERRCODE = 'check_violation', CONSTRAINT = 'status_change_stays', TABLE = TG_TABLE_NAME;",
                    hash="52035c845aa305f88ee1b9f3afc382e7c24e8bdc",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_status_change_stays_88a75",
                    table="account_status_changes",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="statuschange",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="status_changes_stay",
                sql=ledger.db.triggers.FirmTriggerSql(
                    func="RAISE EXCEPTION 'Status changes are never edited or deleted.' USING ERRCODE = 'check_violation', CONSTRAINT = 'status_changes_stay', TABLE = TG_TABLE_NAME;",
                    hash="ed297d891872cecf6bc51d6586da8e5dff508624",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_status_changes_stay_86810",
                    table="account_status_changes",
                    when="BEFORE",
                ),
            ),
        ),
    ]
