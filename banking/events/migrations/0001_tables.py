"""Creates the tables of events and webhooks."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models
from django.utils import timezone

from ledger.db.ids import uuid7


class Migration(migrations.Migration):
    initial = True

    dependencies = [("accounts", "0009_currencies")]

    operations = [
        migrations.CreateModel(
            name="EventStream",
            fields=[
                (
                    "account",
                    models.OneToOneField(
                        on_delete=models.PROTECT,
                        primary_key=True,
                        related_name="event_stream",
                        serialize=False,
                        to="accounts.account",
                    ),
                ),
                ("last_number", models.BigIntegerField(default=0)),
                ("is_listened", models.BooleanField(default=False)),
            ],
            options={
                "db_table": "event_streams",
                "db_table_comment": "The last number of each account's events; written by triggers",
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        condition=models.Q(("is_listened", True)),
                        fields=["account"],
                        name="event_streams_listened",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AccountEvent",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "account_id",
                        "number",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to="accounts.account",
                    ),
                ),
                (
                    "other_account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to="accounts.account",
                    ),
                ),
                ("number", models.BigIntegerField()),
                ("other_number", models.BigIntegerField(null=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
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
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "transaction_id",
                    models.UUIDField(db_comment="NULL for an event of the account", null=True),
                ),
                (
                    "at",
                    models.DateTimeField(
                        db_comment="As the books say; of a released hold, when it was released"
                    ),
                ),
            ],
            options={
                "db_table": "events",
                "db_table_comment": "What happened on accounts to which somebody listens",
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        condition=models.Q(("other_account__isnull", False)),
                        fields=["other_account", "other_number"],
                        name="events_of_other",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Webhook",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=models.PROTECT,
                        related_name="webhooks",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("url", models.CharField(max_length=500)),
                (
                    "kinds",
                    ArrayField(
                        base_field=models.CharField(
                            choices=[
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
                            ],
                            max_length=20,
                        ),
                        db_comment="Which kinds of events it is told",
                        size=None,
                    ),
                ),
                (
                    "secrets",
                    models.JSONField(
                        db_comment="Encrypted with a key of SECRET_KEY, newest first; until when each counts",
                        default=list,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("active", "Active"),
                            ("paused", "Paused"),
                            ("disabled", "Disabled"),
                            ("removed", "Removed"),
                        ],
                        default="active",
                        max_length=10,
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        db_comment="Why it was disabled, for its owner",
                        default="",
                        max_length=200,
                    ),
                ),
                ("created_at", models.DateTimeField(default=timezone.now)),
                ("claimed_by", models.CharField(blank=True, default="", max_length=100)),
                ("claim_ends", models.DateTimeField(blank=True, null=True)),
                (
                    "paused_until",
                    models.DateTimeField(
                        blank=True, db_comment="Before that the receiver is left alone", null=True
                    ),
                ),
                (
                    "slow_until",
                    models.DateTimeField(
                        blank=True,
                        db_comment="Before that it waits behind quick receivers",
                        null=True,
                    ),
                ),
            ],
            options={
                "db_table": "webhooks",
                "db_table_comment": "Addresses of people's own programs, told what happens on their accounts",
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        condition=models.Q(("status", "active")),
                        fields=["claim_ends"],
                        name="webhooks_active",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["active", "paused", "disabled", "removed"])
                        ),
                        name="webhook_status_valid",
                        violation_error_message="A webhook is active, paused, disabled or removed.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="WebhookQueue",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "webhook_id",
                        "account_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=models.PROTECT, related_name="+", to="accounts.account"
                    ),
                ),
                (
                    "webhook",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.CASCADE,
                        related_name="queues",
                        to="events.webhook",
                    ),
                ),
                (
                    "position",
                    models.BigIntegerField(
                        db_comment="The last number that was delivered or left out"
                    ),
                ),
                (
                    "attempts",
                    models.IntegerField(db_comment="At the next event, all failed", default=0),
                ),
                ("failing_since", models.DateTimeField(blank=True, null=True)),
                (
                    "next_at",
                    models.DateTimeField(blank=True, db_comment="NULL: at once", null=True),
                ),
            ],
            options={
                "db_table": "webhook_queues",
                "db_table_comment": "How far each webhook was told of the events of each account",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to="accounts.account",
                    ),
                ),
                (
                    "webhook",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.CASCADE,
                        related_name="deliveries",
                        to="events.webhook",
                    ),
                ),
                ("number", models.BigIntegerField(db_comment="Of the event, on this account")),
                (
                    "kind",
                    models.CharField(
                        choices=[
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
                        ],
                        max_length=20,
                    ),
                ),
                ("transaction_id", models.UUIDField(null=True)),
                ("at", models.DateTimeField(db_comment="Of the event")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("sending", "Being sent"),
                            ("failed", "Failed"),
                            ("delivered", "Delivered"),
                        ],
                        default="sending",
                        max_length=10,
                    ),
                ),
                ("attempts", models.IntegerField(default=0)),
                (
                    "answer_code",
                    models.IntegerField(
                        db_comment="HTTP status; NULL without an answer", null=True
                    ),
                ),
                ("error", models.CharField(blank=True, default="", max_length=200)),
                ("tried_at", models.DateTimeField(null=True)),
                (
                    "seconds",
                    models.FloatField(db_comment="How long the last attempt took", null=True),
                ),
                (
                    "again_at",
                    models.DateTimeField(db_comment="Its owner wants it sent again", null=True),
                ),
            ],
            options={
                "db_table": "webhook_deliveries",
                "db_table_comment": "What was sent to webhooks, and what they answered",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["webhook", "tried_at"], name="deliveries_of_webhook"),
                    models.Index(
                        condition=models.Q(("again_at__isnull", False)),
                        fields=["webhook"],
                        name="deliveries_again",
                    ),
                    models.Index(fields=["tried_at"], name="deliveries_tried"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("webhook", "account", "number"),
                        name="event_delivered_under_one_id",
                        violation_error_message="A webhook gets an event under one id.",
                    )
                ],
            },
        ),
    ]
