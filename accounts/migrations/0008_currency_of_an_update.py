"""An account cannot be moved into a closed currency."""

import ledger.db.triggers
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_currencies"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="account",
            name="account_currency_valid",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="account",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="account_currency_valid",
                sql=ledger.db.triggers.DefinerTriggerSql(
                    func="\n            SELECT minor_units INTO NEW.minor_units\n            FROM currencies WHERE code = NEW.currency AND (is_open OR NEW.currency = OLD.currency);\n            IF NOT FOUND AND NEW.currency IS NOT NULL THEN\n                RAISE EXCEPTION 'Accounts can be opened in currencies that are in the list and open.' USING ERRCODE = 'check_violation', CONSTRAINT = 'account_currency_valid', TABLE = TG_TABLE_NAME;\n            END IF;\n            RETURN NEW;\n        ",
                    hash="254e0d15d9510d41275279ed41f5a093555daada",
                    operation='INSERT OR UPDATE OF "currency"',
                    pgid="pgtrigger_account_currency_valid_b150e",
                    table="accounts",
                    when="BEFORE",
                ),
            ),
        ),
    ]
