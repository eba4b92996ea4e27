"""Adds the kind of event that announces a restore. No SQL."""

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

KINDS = [
    ("posted", "A payment was booked"),
    ("held", "Money was put on hold"),
    ("captured", "A hold was captured"),
    ("voided", "A hold was released"),
    ("reversed", "A payment was refunded"),
    ("account.opened", "An account was opened"),
    ("account.frozen", "An account was frozen"),
    ("account.unfrozen", "An account was unfrozen"),
    ("account.closed", "An account was closed"),
    ("ledger.restored", "The bank was restored"),
]


class Migration(migrations.Migration):
    dependencies = [("transactions", "0065_short_pending_lists")]

    operations = [
        migrations.AlterField(
            "accountevent", "kind", models.CharField(choices=KINDS, max_length=20)
        ),
        migrations.AlterField(
            "webhook",
            "kinds",
            ArrayField(
                base_field=models.CharField(choices=KINDS, max_length=20),
                db_comment="Which kinds of events it is told",
                size=None,
            ),
        ),
        migrations.AlterField(
            "webhookdelivery", "kind", models.CharField(choices=KINDS, max_length=20)
        ),
    ]
