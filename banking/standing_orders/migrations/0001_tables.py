"""Creates the tables of standing orders and their days."""

from django.conf import settings
from django.db import migrations, models
from django.utils import timezone

import banking.standing_orders.models
from accounts.models.fields import MoneyField


class Migration(migrations.Migration):
    initial = True

    dependencies = [("transactions", "0004_rules_of_audits")]

    operations = [
        migrations.CreateModel(
            name="StandingOrder",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("amount", MoneyField(decimal_places=4, max_digits=19)),
                ("description", models.CharField(blank=True, max_length=500)),
                ("reference", models.CharField(blank=True, max_length=140)),
                (
                    "every",
                    models.CharField(
                        choices=[
                            ("once", "Once"),
                            ("week", "Every week"),
                            ("month", "Every month"),
                            ("quarter", "Every three months"),
                            ("year", "Every year"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "first_on",
                    models.DateField(db_comment="In the bank's time zone, as all days of an order"),
                ),
                (
                    "last_on",
                    models.DateField(
                        blank=True, db_comment="No payment is due after it", null=True
                    ),
                ),
                (
                    "times",
                    models.IntegerField(
                        blank=True,
                        db_comment="Days that are due in all, skipped ones too",
                        null=True,
                    ),
                ),
                (
                    "position",
                    models.PositiveIntegerField(
                        db_comment="Days that were paid, refused for good, or skipped", default=0
                    ),
                ),
                (
                    "next_on",
                    models.GeneratedField(
                        db_persist=True,
                        expression=banking.standing_orders.models.DueOn(),
                        output_field=models.DateField(),
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("active", "Active"), ("paused", "Paused"), ("ended", "Ended")],
                        default="active",
                        max_length=10,
                    ),
                ),
                ("ended_why", models.CharField(blank=True, max_length=300)),
                (
                    "refused_at",
                    models.DateTimeField(
                        blank=True, db_comment="When the next payment was refused first", null=True
                    ),
                ),
                ("refused_why", models.CharField(blank=True, max_length=300)),
                ("created_at", models.DateTimeField(default=timezone.now, editable=False)),
                (
                    "from_account",
                    models.ForeignKey(
                        db_index=False,
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
                (
                    "to_account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to="accounts.account",
                    ),
                ),
            ],
            options={
                "db_table": "standing_orders",
                "db_table_comment": "Payments that people have ordered for days to come",
                "permissions": [("end_standing_orders", "Can end standing orders of customers")],
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(
                        condition=models.Q(("status", "active")),
                        fields=["next_on", "id"],
                        name="standing_order_due",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0)),
                        name="standing_order_amount_positive",
                        violation_error_message="The amount is above zero.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("from_account", models.F("to_account")), _negated=True),
                        name="standing_order_sides_differ",
                        violation_error_message="Money moves between two different accounts.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("every__in", ["once", "week", "month", "quarter", "year"])
                        ),
                        name="standing_order_every_valid",
                        violation_error_message="It pays once, or every week, month, quarter or year.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["active", "paused", "ended"])),
                        name="standing_order_status_valid",
                        violation_error_message="An order is active, paused or ended.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("last_on", None), ("times", None), _connector="OR"),
                        name="standing_order_has_one_end",
                        violation_error_message="It ends on a day or after a number of times.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("times", None), ("times__range", (1, 1000)), _connector="OR"),
                            models.Q(
                                models.Q(("every", "once"), _negated=True),
                                models.Q(("times", 1), ("times__isnull", False)),
                                _connector="OR",
                            ),
                        ),
                        name="standing_order_times_valid",
                        violation_error_message="It pays from once to 1,000 times.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status", "ended"),
                            models.Q(
                                models.Q(
                                    ("times", None),
                                    ("position__lt", models.F("times")),
                                    _connector="OR",
                                ),
                                models.Q(
                                    ("last_on", None),
                                    ("next_on__lte", models.F("last_on")),
                                    _connector="OR",
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="standing_order_is_due",
                        violation_error_message="An order past its end is ended.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Occurrence",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_comment="Made of the order and the day",
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("due_on", models.DateField()),
                (
                    "outcome",
                    models.CharField(
                        choices=[("paid", "Paid"), ("refused", "Not paid"), ("skipped", "Skipped")],
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("created_at", models.DateTimeField(default=timezone.now, editable=False)),
                (
                    "transaction",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to="transactions.transaction",
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=models.PROTECT,
                        related_name="occurrences",
                        to="standing_orders.standingorder",
                    ),
                ),
            ],
            options={
                "db_table": "standing_order_days",
                "db_table_comment": "What became of each day that a standing order was due on",
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("outcome__in", ["paid", "refused", "skipped"])),
                        name="standing_order_day_outcome_valid",
                        violation_error_message="A day was paid, refused or skipped.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("outcome", "paid"), ("transaction__isnull", False)),
                            models.Q(
                                models.Q(("outcome", "paid"), _negated=True), ("transaction", None)
                            ),
                            _connector="OR",
                        ),
                        name="standing_order_day_paid_by_a_transaction",
                        violation_error_message="A paid day names its transaction, and no other does.",
                    ),
                ],
            },
        ),
    ]
