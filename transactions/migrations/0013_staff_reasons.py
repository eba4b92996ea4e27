"""`Note`, the reason that staff give, is called `StaffReason`; its table stays `transaction_notes`.

The name of a trigger's function carries the name of its model, so both triggers are made anew.
"""

import django.db.models.deletion
import pgtrigger.migrations
from django.db import migrations, models

import ledger.db.triggers


class Migration(migrations.Migration):
    dependencies = [("transactions", "0012_annotations")]

    operations = [
        pgtrigger.migrations.RemoveTrigger(model_name="note", name="note_stays"),
        pgtrigger.migrations.RemoveTrigger(model_name="note", name="notes_stay"),
        migrations.RenameModel(old_name="Note", new_name="StaffReason"),
        migrations.AlterField(
            model_name="staffreason",
            name="transaction",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reasons",
                to="transactions.transaction",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="staffreason",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="note_stays",
                sql=ledger.db.triggers.FirmTriggerSql(
                    func="RAISE EXCEPTION 'What was said of a transaction stays said.' USING ERRCODE = 'check_violation', CONSTRAINT = 'note_stays', TABLE = TG_TABLE_NAME;",
                    hash="6c0bec3ff5d3a673078ade89944554688632be8d",
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
                    func="RAISE EXCEPTION 'What was said of transactions stays said.' USING ERRCODE = 'check_violation', CONSTRAINT = 'notes_stay', TABLE = TG_TABLE_NAME;",
                    hash="c9c97864a4c00acc0e0c7243d5c45a4d22c27520",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_notes_stay_0cfdd",
                    table="transaction_notes",
                    when="BEFORE",
                ),
            ),
        ),
    ]
