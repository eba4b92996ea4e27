"""Creates the tables of alerts."""

import datetime

from django.conf import settings
from django.db import migrations, models
from django.utils import timezone

from accounts.models.fields import MoneyField
from ledger.db.ids import uuid7


class Migration(migrations.Migration):
    initial = True

    dependencies = [("accounts", "0009_currencies")]

    operations = [
        migrations.CreateModel(
            name="AlertChoice",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_comment="Made of owner, kind and account",
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("money_in", "Money in"),
                            ("money_out", "Money out"),
                            ("balance_below", "Low balance"),
                            ("order_failed", "Standing order not paid"),
                            ("order_lacks", "Too little money for a standing order"),
                            ("hold_expiring", "Hold about to expire"),
                            ("new_device", "Sign-in from a new device"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "amount",
                    MoneyField(
                        blank=True,
                        db_comment="Told above it; of a balance, below it",
                        decimal_places=4,
                        max_digits=19,
                        null=True,
                    ),
                ),
                (
                    "mail",
                    models.CharField(
                        choices=[
                            ("off", "No mail"),
                            ("now", "A mail at once"),
                            ("daily", "In one mail a day"),
                        ],
                        default="off",
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField(default=timezone.now, editable=False)),
                (
                    "account",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to="accounts.account",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=models.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "db_table": "alert_choices",
                "db_table_comment": "What people want to be told of",
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        condition=models.Q(("account", None), _negated=True),
                        fields=["account"],
                        name="alert_choices_of_account",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "money_in",
                                    "money_out",
                                    "balance_below",
                                    "order_failed",
                                    "order_lacks",
                                    "hold_expiring",
                                    "new_device",
                                ],
                            )
                        ),
                        name="alert_choice_kind_valid",
                        violation_error_message="There is no such alert.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("mail__in", ["off", "now", "daily"])),
                        name="alert_choice_mail_valid",
                        violation_error_message="An alert is mailed at once, daily, or not.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("account__isnull", False),
                                ("amount__gte", 0),
                                ("kind__in", ["money_in", "money_out", "balance_below"]),
                                ("amount__isnull", False),
                            ),
                            models.Q(
                                models.Q(
                                    ("kind__in", ["money_in", "money_out", "balance_below"]),
                                    _negated=True,
                                ),
                                ("account", None),
                                ("amount", None),
                            ),
                            _connector="OR",
                        ),
                        name="alert_choice_complete",
                        violation_error_message="An alert of money has an account and an amount.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Alert",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_comment="Made of kind, owner, event and day",
                        default=uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("money_in", "Money in"),
                            ("money_out", "Money out"),
                            ("balance_below", "Low balance"),
                            ("order_failed", "Standing order not paid"),
                            ("order_lacks", "Too little money for a standing order"),
                            ("hold_expiring", "Hold about to expire"),
                            ("new_device", "Sign-in from a new device"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "about",
                    models.UUIDField(db_comment="The transaction, standing order or sign-in"),
                ),
                (
                    "day",
                    models.DateField(
                        db_comment="Of a standing order, or on which a hold expires", null=True
                    ),
                ),
                (
                    "amount",
                    MoneyField(
                        db_comment="What moved or is missing; of a balance, what it is below",
                        decimal_places=4,
                        max_digits=19,
                        null=True,
                    ),
                ),
                (
                    "balance",
                    MoneyField(
                        db_comment="The booked balance after the payment",
                        decimal_places=4,
                        max_digits=19,
                        null=True,
                    ),
                ),
                ("detail", models.CharField(db_default="", default="", max_length=320)),
                ("created_at", models.DateTimeField(default=timezone.now, editable=False)),
                ("read_at", models.DateTimeField(null=True)),
                (
                    "mail",
                    models.CharField(
                        choices=[
                            ("off", "No mail"),
                            ("now", "A mail at once"),
                            ("daily", "In one mail a day"),
                        ],
                        default="off",
                        max_length=10,
                    ),
                ),
                (
                    "mail_id",
                    models.UUIDField(db_comment="Of the mail in which it is sent", null=True),
                ),
                (
                    "mail_claim_ends",
                    models.DateTimeField(
                        db_comment="Before that no other worker sends the mail", null=True
                    ),
                ),
                ("mail_attempts", models.IntegerField(db_default=0, default=0)),
                ("mailed_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to="accounts.account",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "alerts",
                "db_table_comment": "What people were told of; written in the commit that causes it",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["owner", "-created_at", "-id"], name="alerts_of_owner"),
                    models.Index(
                        condition=models.Q(("read_at", None)),
                        fields=["owner"],
                        name="alerts_unread",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("mailed_at", None), models.Q(("mail", "off"), _negated=True)
                        ),
                        fields=["owner", "kind"],
                        name="alerts_to_mail",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AlertTimes",
            fields=[
                (
                    "owner",
                    models.OneToOneField(
                        on_delete=models.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("quiet_from", models.TimeField(blank=True, null=True)),
                ("quiet_until", models.TimeField(blank=True, null=True)),
                ("daily_at", models.TimeField(default=datetime.time(8, 0))),
            ],
            options={
                "db_table": "alert_times",
                "db_table_comment": "When people want mails of alerts, in the bank's time zone",
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("quiet_from", None), ("quiet_until", None)),
                            models.Q(
                                ("quiet_from__isnull", False),
                                ("quiet_until__isnull", False),
                                models.Q(("quiet_from", models.F("quiet_until")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="alert_times_quiet",
                        violation_error_message="Quiet hours begin and end, at different times.",
                    )
                ],
            },
        ),
    ]
