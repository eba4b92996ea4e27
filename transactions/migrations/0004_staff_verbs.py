"""Refunds and holds by staff: who may, and why they did."""

import django.db.models.deletion
import django.utils.timezone
import ledger.db.ids
import ledger.db.triggers
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("transactions", "0003_balances_follow_rows"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Note",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=ledger.db.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("refund", "Refunded"),
                            ("hold", "Held"),
                            ("capture", "Captured"),
                            ("release", "Released"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        db_comment="For colleagues; never shown to the owner", max_length=500
                    ),
                ),
                (
                    "message",
                    models.CharField(
                        blank=True, db_comment="What the owner reads", default="", max_length=500
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "db_table": "transaction_notes",
                "db_table_comment": "Why staff refunded, held, captured or released",
                "ordering": ("created_at",),
            },
        ),
        migrations.AlterModelOptions(
            name="transaction",
            options={
                "permissions": [
                    ("use_cash_desk", "Can deposit and withdraw at the cash desk"),
                    ("refund_transactions", "Can refund transactions, whole or in part"),
                    ("manage_holds", "Can place, capture and release holds"),
                ]
            },
        ),
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(("status", "voided")),
                fields=["from_account", "created_at"],
                name="transactions_voided",
            ),
        ),
        migrations.AddField(
            model_name="note",
            name="transaction",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="notes",
                to="transactions.transaction",
            ),
        ),
        migrations.AddField(
            model_name="note",
            name="written_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="note",
            constraint=models.UniqueConstraint(
                fields=("transaction", "action"), name="note_once_per_transaction_and_action"
            ),
        ),
        migrations.AddConstraint(
            model_name="note",
            constraint=models.CheckConstraint(
                condition=models.Q(("action__in", ["refund", "hold", "capture", "release"])),
                name="note_action_valid",
                violation_error_message="A note says why of a refund, hold, capture or release.",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="note",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="note_stays",
                sql=ledger.db.triggers.FirmTriggerSql(
                    func="RAISE EXCEPTION 'What was said of a transaction stays said.' USING ERRCODE = 'check_violation', CONSTRAINT = 'note_stays', TABLE = TG_TABLE_NAME;",
                    hash="2ac502bf432731b09f73b4e6b4cc4d8578cba5b5",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_note_stays_be91e",
                    table="transaction_notes",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="note",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="notes_stay",
                sql=ledger.db.triggers.FirmTriggerSql(
                    func="RAISE EXCEPTION 'What was said of transactions stays said.' USING ERRCODE = 'check_violation', CONSTRAINT = 'notes_stay', TABLE = TG_TABLE_NAME;",
                    hash="babced11b6b74aa0f62d6d009cabaace81bbd185",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_notes_stay_aa323",
                    table="transaction_notes",
                    when="BEFORE",
                ),
            ),
        ),
    ]
