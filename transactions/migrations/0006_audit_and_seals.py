"""Audit runs, seals with their days, and the wall that keeps sealed periods closed."""

import datetime
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.lookups
import ledger.db.ids
import ledger.db.triggers
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("transactions", "0005_payment_files"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditRun",
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
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField()),
                (
                    "since",
                    models.DateTimeField(
                        db_comment="Only rows booked from then on; null: all", null=True
                    ),
                ),
                ("accounts", models.BigIntegerField()),
                ("transactions", models.BigIntegerField(db_comment="How many rows were checked")),
                ("findings", models.JSONField(default=list)),
            ],
            options={
                "verbose_name": "audit run",
                "verbose_name_plural": "audit and seals",
                "db_table": "audit_runs",
                "db_table_comment": "What each audit found; inserted once, never changed",
                "ordering": ("-started_at",),
                "permissions": [("run_audit", "Can run the audit")],
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="Seal",
            fields=[
                ("number", models.PositiveIntegerField(primary_key=True, serialize=False)),
                (
                    "version",
                    models.PositiveSmallIntegerField(
                        db_comment="Of the text that is digested", default=1
                    ),
                ),
                ("starts_at", models.DateTimeField(unique=True)),
                (
                    "ends_at",
                    models.DateTimeField(db_comment="The period ends before it", unique=True),
                ),
                ("row_count", models.BigIntegerField()),
                (
                    "sums",
                    models.JSONField(db_comment="Completed amounts per currency and type, as text"),
                ),
                ("previous_digest", models.BinaryField(null=True)),
                (
                    "digest",
                    models.BinaryField(
                        db_comment="SHA-256 over all this, the days and the seal before"
                    ),
                ),
                ("sealed_at", models.DateTimeField()),
            ],
            options={
                "db_table": "seals",
                "db_table_comment": "Closed periods; inserted once, never changed",
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="SealedDay",
            fields=[
                ("day", models.DateField(primary_key=True, serialize=False)),
                ("row_count", models.BigIntegerField()),
                ("digest", models.BinaryField()),
                ("fingerprints", models.BinaryField()),
            ],
            options={
                "db_table": "sealed_days",
                "db_table_comment": "The days of the sealed periods; inserted once, never changed",
                "default_permissions": (),
            },
        ),
        migrations.AddIndex(
            model_name="transaction",
            index=django.contrib.postgres.indexes.BrinIndex(
                fields=["created_at"], name="transactions_times"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="transaction",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="sealed_period_is_closed",
                sql=ledger.db.triggers.FirmTriggerSql(
                    condition="WHEN (NEW.created_at < clock_timestamp() - interval '10 minutes')",
                    func="\n        PERFORM pg_advisory_xact_lock_shared(7236501);\n        IF current_setting('transaction_isolation') <> 'read committed' THEN\n            RAISE EXCEPTION 'A row of the past is booked at READ COMMITTED.' USING ERRCODE = 'check_violation', CONSTRAINT = 'old_row_reads_committed', TABLE = TG_TABLE_NAME;\n        END IF;\n        IF EXISTS (SELECT FROM seals WHERE ends_at > NEW.created_at) THEN\n            RAISE EXCEPTION 'That day is sealed; nothing is added to it.' USING ERRCODE = 'check_violation', CONSTRAINT = 'sealed_period_is_closed', TABLE = TG_TABLE_NAME;\n        END IF;\n        RETURN NULL;\n    ",
                    hash="e918a406386963e8b5387fce8041480719fb89ad",
                    operation="INSERT",
                    pgid="pgtrigger_sealed_period_is_closed_1efb2",
                    table="transactions",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="auditrun",
            name="run_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="seal",
            name="sealed_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="sealedday",
            name="seal",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="days",
                to="transactions.seal",
            ),
        ),
        migrations.AddConstraint(
            model_name="auditrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("started_at__lte", models.F("finished_at"))),
                name="audit_run_times_rise",
                violation_error_message="An audit ends after it begins.",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="auditrun",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="audit_run_stays",
                sql=ledger.db.triggers.FirmTriggerSql(
                    func="RAISE EXCEPTION 'What an audit found stays said.' USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_run_stays', TABLE = TG_TABLE_NAME;",
                    hash="7ed070d37479808e30260d051d38025fcfbbb06e",
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
                    func="RAISE EXCEPTION 'What an audit found stays said.' USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_runs_stay', TABLE = TG_TABLE_NAME;",
                    hash="2c81450a9c61697c1f6a3274513f0591f6c9b561",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_audit_runs_stay_d11f1",
                    table="audit_runs",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="seal",
            constraint=models.CheckConstraint(
                condition=models.Q(("row_count__gte", 0), ("starts_at__lt", models.F("ends_at"))),
                name="seal_period_valid",
                violation_error_message="A period ends after it begins.",
            ),
        ),
        migrations.AddConstraint(
            model_name="seal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("number", 1),
                        ("previous_digest__isnull", True),
                        (
                            "starts_at",
                            datetime.datetime(1900, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                    models.Q(
                        ("number__gt", 1),
                        ("previous_digest__isnull", False),
                        (
                            "starts_at__gt",
                            datetime.datetime(1900, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                    _connector="OR",
                ),
                name="first_seal_begins_the_books",
                violation_error_message="The first seal, and no other, has none before it.",
            ),
        ),
        migrations.AddConstraint(
            model_name="seal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    django.db.models.lookups.Exact(
                        models.Func(
                            "digest", function="octet_length", output_field=models.BigIntegerField()
                        ),
                        models.Value(32),
                    )
                ),
                name="seal_digest_is_sha256",
                violation_error_message="A digest is 32 bytes.",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="seal",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="seal_follows",
                sql=ledger.db.triggers.FirmTriggerSql(
                    declare="DECLARE last seals%ROWTYPE;",
                    func="\n        PERFORM pg_advisory_xact_lock(7236501);\n        SELECT * INTO last FROM seals ORDER BY number DESC LIMIT 1;\n        IF NEW.number <> coalesce(last.number, 0) + 1\n           OR NEW.starts_at IS DISTINCT FROM coalesce(last.ends_at, NEW.starts_at)\n           OR NEW.previous_digest IS DISTINCT FROM last.digest\n        THEN\n            RAISE EXCEPTION 'A seal begins where the one before it ends.' USING ERRCODE = 'check_violation', CONSTRAINT = 'seal_follows', TABLE = TG_TABLE_NAME;\n        END IF;\n        IF NEW.ends_at > clock_timestamp() - interval '10 minutes' THEN\n            RAISE EXCEPTION 'A period is sealed when it is over.' USING ERRCODE = 'check_violation', CONSTRAINT = 'seal_is_of_the_past', TABLE = TG_TABLE_NAME;\n        END IF;\n        RETURN NEW;\n    ",
                    hash="e95d77a3fdace57c2b1333036816c99702de388d",
                    operation="INSERT",
                    pgid="pgtrigger_seal_follows_e78d4",
                    table="seals",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="seal",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="seal_stays",
                sql=ledger.db.triggers.FirmTriggerSql(
                    func="RAISE EXCEPTION 'A seal never changes.' USING ERRCODE = 'check_violation', CONSTRAINT = 'seal_stays', TABLE = TG_TABLE_NAME;",
                    hash="f3049e0f64522ce94fbb242be78d5103d65bf909",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_seal_stays_4f8fb",
                    table="seals",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="seal",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="seals_stay",
                sql=ledger.db.triggers.FirmTriggerSql(
                    func="RAISE EXCEPTION 'A seal never changes.' USING ERRCODE = 'check_violation', CONSTRAINT = 'seals_stay', TABLE = TG_TABLE_NAME;",
                    hash="49e98d34a187429780bb330aba3635cf39d82697",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_seals_stay_a8499",
                    table="seals",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="sealedday",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("row_count__gt", 0),
                    django.db.models.lookups.Exact(
                        models.Func(
                            "digest", function="octet_length", output_field=models.BigIntegerField()
                        ),
                        models.Value(32),
                    ),
                    django.db.models.lookups.Exact(
                        models.Func(
                            "fingerprints",
                            function="octet_length",
                            output_field=models.BigIntegerField(),
                        ),
                        django.db.models.expressions.CombinedExpression(
                            models.F("row_count"), "*", models.Value(4)
                        ),
                    ),
                ),
                name="sealed_day_valid",
                violation_error_message="A sealed day has rows, and a fingerprint of each.",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="sealedday",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="sealed_day_stays",
                sql=ledger.db.triggers.FirmTriggerSql(
                    func="RAISE EXCEPTION 'A sealed day never changes.' USING ERRCODE = 'check_violation', CONSTRAINT = 'sealed_day_stays', TABLE = TG_TABLE_NAME;",
                    hash="fac5f8364ba28ac2ae0cf01947e0ef33408327e6",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_sealed_day_stays_3823b",
                    table="sealed_days",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="sealedday",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="sealed_days_stay",
                sql=ledger.db.triggers.FirmTriggerSql(
                    func="RAISE EXCEPTION 'A sealed day never changes.' USING ERRCODE = 'check_violation', CONSTRAINT = 'sealed_days_stay', TABLE = TG_TABLE_NAME;",
                    hash="d2f07d0ff52bb0c33a166a97fcd0924ff640175e",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_sealed_days_stay_5656e",
                    table="sealed_days",
                    when="BEFORE",
                ),
            ),
        ),
    ]
