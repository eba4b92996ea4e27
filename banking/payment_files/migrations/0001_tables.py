"""Creates the tables of payment files and their lines."""

from decimal import Decimal

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
            name="PaymentFile",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(db_comment="Of the file, as uploaded", max_length=200)),
                (
                    "digest",
                    models.CharField(db_comment="SHA-256 of its lines as read", max_length=64),
                ),
                (
                    "run",
                    models.CharField(
                        db_comment="Of post_file: the same file in the same run is one file; NULL from a page",
                        max_length=100,
                        null=True,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("stored", "Not checked yet"),
                            ("checked", "Checked, not paid"),
                            ("paying", "Being paid"),
                            ("done", "Done"),
                        ],
                        default="stored",
                        max_length=10,
                    ),
                ),
                ("line_count", models.PositiveIntegerField(default=0)),
                (
                    "total",
                    MoneyField(
                        db_comment="Of all amounts that were read",
                        decimal_places=4,
                        default=Decimal("0"),
                        max_digits=24,
                    ),
                ),
                ("booked_count", models.PositiveIntegerField(default=0)),
                ("booked_total", MoneyField(decimal_places=4, default=Decimal("0"), max_digits=24)),
                ("refused_count", models.PositiveIntegerField(default=0)),
                (
                    "refused_total",
                    MoneyField(decimal_places=4, default=Decimal("0"), max_digits=24),
                ),
                ("created_at", models.DateTimeField(default=timezone.now)),
                (
                    "finished_at",
                    models.DateTimeField(db_comment="When its last line was decided", null=True),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "from_account",
                    models.ForeignKey(
                        on_delete=models.PROTECT,
                        related_name="payment_files",
                        to="accounts.account",
                    ),
                ),
                (
                    "misnamed_count",
                    models.PositiveIntegerField(
                        db_comment="Lines that can be booked and name somebody else than the holder",
                        db_default=0,
                        default=0,
                    ),
                ),
                (
                    "repeated_count",
                    models.PositiveIntegerField(
                        db_comment="Lines that can be booked and repeat another",
                        db_default=0,
                        default=0,
                    ),
                ),
            ],
            options={
                "db_table": "payment_files",
                "db_table_comment": "Files of payments, before and after they were paid",
                "indexes": [
                    models.Index(fields=["from_account", "digest"], name="payment_files_same")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("from_account", "digest", "run"),
                        name="payment_file_once_a_run",
                        violation_error_message="This file was already uploaded under this label.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["stored", "checked", "paying", "done"])),
                        name="payment_file_state_valid",
                        violation_error_message="A file is stored, checked, paying or done.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "line_count__gte",
                                models.expressions.CombinedExpression(
                                    models.F("booked_count"), "+", models.F("refused_count")
                                ),
                            )
                        ),
                        name="payment_file_counts_add_up",
                        violation_error_message="A file has no more decided lines than lines.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PaymentLine",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_comment="Of its transaction too",
                        default=uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "number",
                    models.PositiveIntegerField(db_comment="Row of the file; the heading is row 1"),
                ),
                ("typed_to", models.CharField(max_length=100)),
                ("typed_amount", models.CharField(max_length=100)),
                ("description", models.CharField(max_length=1000)),
                ("reference", models.CharField(max_length=1000)),
                ("amount", MoneyField(decimal_places=4, max_digits=19, null=True)),
                ("booked", models.BooleanField(default=False)),
                (
                    "verdict",
                    models.CharField(
                        db_comment="Why not; empty: nothing", default="", max_length=1000
                    ),
                ),
                (
                    "file",
                    models.ForeignKey(
                        db_column="file_id",
                        db_index=False,
                        on_delete=models.CASCADE,
                        related_name="lines",
                        to="payment_files.paymentfile",
                    ),
                ),
                (
                    "to_account",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to="accounts.account",
                    ),
                ),
                (
                    "name_check",
                    models.CharField(
                        choices=[
                            ("", "No name given"),
                            ("match", "The holder's"),
                            ("close", "Close to the holder's"),
                            ("other", "Not the holder's"),
                        ],
                        db_comment="Against the holder's name when the file was read",
                        db_default="",
                        default="",
                        max_length=5,
                    ),
                ),
                (
                    "repeats",
                    models.PositiveIntegerField(
                        db_comment="First line with the same recipient, amount, description, reference",
                        null=True,
                    ),
                ),
                ("typed_name", models.CharField(db_default="", default="", max_length=200)),
            ],
            options={
                "db_table": "payment_lines",
                "db_table_comment": "What became of each line of a file of payments",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("file", "number"),
                        name="payment_line_once",
                        violation_error_message="A file has one line of a number.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("name_check__in", ["", "match", "close", "other"])),
                        name="name_check_valid",
                        violation_error_message="A name is the holder's, close to it, or another.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("booked", False), ("verdict", ""), _connector="OR"),
                        name="booked_line_has_no_refusal",
                        violation_error_message="A line is booked or refused, not both.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("amount__isnull", False), ("to_account__isnull", False)),
                            models.Q(("verdict", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="unread_line_is_refused",
                        violation_error_message="A line that could not be read needs a refusal.",
                    ),
                ],
            },
        ),
    ]
