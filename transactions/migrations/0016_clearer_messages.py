"""Clearer messages of a constraint and a trigger."""

import datetime
import ledger.db.triggers
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("transactions", "0015_decimals_of_the_account"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="auditrun",
            name="audit_run_is_of_now",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="auditrun",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="audit_run_is_of_now",
                sql=ledger.db.triggers.FirmTriggerSql(
                    declare="DECLARE here timestamptz := clock_timestamp(); slack interval := interval '5 minutes';",
                    func="\n        IF NEW.started_at > here + slack\n           OR NEW.finished_at NOT BETWEEN here - slack AND here + slack\n        THEN\n            RAISE EXCEPTION 'An audit is stored when it ends, not before or after.' USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_run_is_of_now', TABLE = TG_TABLE_NAME;\n        END IF;\n        NEW.started_at := least(NEW.started_at, here);\n        NEW.finished_at := least(NEW.finished_at, here);\n        RETURN NEW;\n    ",
                    hash="0e3220d2030c74211c5090a8d9427f165eb6a519",
                    operation="INSERT",
                    pgid="pgtrigger_audit_run_is_of_now_44137",
                    table="audit_runs",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AlterConstraint(
            model_name="seal",
            name="first_seal_begins_the_books",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("number", 1),
                        ("previous_digest__isnull", True),
                        ("starts_at", datetime.datetime(1900, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                    ),
                    models.Q(
                        ("number__gt", 1),
                        ("previous_digest__isnull", False),
                        ("starts_at__gt", datetime.datetime(1900, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                    ),
                    _connector="OR",
                ),
                name="first_seal_begins_the_books",
                violation_error_message="Only the first seal has no seal before it, and starts at the beginning of the books.",
            ),
        ),
    ]
