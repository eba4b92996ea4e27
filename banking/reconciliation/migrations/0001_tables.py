"""Creates the tables of reconciliations."""

from django.conf import settings
from django.db import migrations, models
from django.utils import timezone

from accounts.models.fields import MoneyField
from ledger.db.ids import uuid7


class Migration(migrations.Migration):
    initial = True

    dependencies = [("transactions", "0004_rules_of_audits")]

    operations = [
        migrations.CreateModel(
            name="Reconciliation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(db_comment="Of the file, as uploaded", max_length=200)),
                (
                    "format",
                    models.CharField(
                        choices=[
                            ("csv", "CSV"),
                            ("ofx1", "OFX 1"),
                            ("ofx2", "OFX 2"),
                            ("qif", "QIF"),
                            ("camt053", "camt.053"),
                            ("mt940", "MT940"),
                        ],
                        max_length=10,
                    ),
                ),
                ("digest", models.CharField(db_comment="SHA-256 of the file", max_length=64)),
                ("currency", models.CharField(max_length=3)),
                ("first_on", models.DateField(db_comment="Day of the earliest line")),
                ("last_on", models.DateField(db_comment="Day of the latest line")),
                (
                    "opening",
                    MoneyField(
                        db_comment="As the file says", decimal_places=4, max_digits=19, null=True
                    ),
                ),
                (
                    "closing",
                    MoneyField(
                        db_comment="As the file says", decimal_places=4, max_digits=19, null=True
                    ),
                ),
                ("line_count", models.PositiveIntegerField()),
                ("created_at", models.DateTimeField(default=timezone.now, editable=False)),
                ("signed_at", models.DateTimeField(db_comment="Set by a trigger", null=True)),
                (
                    "countersigned_at",
                    models.DateTimeField(db_comment="Set by a trigger", null=True),
                ),
                (
                    "account",
                    models.ForeignKey(
                        db_comment="Of the books; empty: the deposits and withdrawals of the bank",
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to="accounts.account",
                    ),
                ),
                (
                    "countersigned_by",
                    models.ForeignKey(
                        db_comment="Frozen from then on",
                        db_index=False,
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "signed_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "unbooked_count",
                    models.PositiveIntegerField(
                        db_comment="Lines left out: pending, or without money moved",
                        db_default=0,
                        default=0,
                    ),
                ),
            ],
            options={
                "db_table": "reconciliations",
                "db_table_comment": "Outside statements of settlement accounts, signed by two people",
                "permissions": [("reconcile", "Can match outside statements and sign them")],
                "default_permissions": ("view",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("format__in", ["csv", "ofx1", "ofx2", "qif", "camt053", "mt940"])
                        ),
                        name="reconciliation_format_valid",
                        violation_error_message="A file is CSV, OFX, QIF, camt.053 or MT940.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ReconciliationLine",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_comment="Made of the file and the number",
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("number", models.PositiveIntegerField(db_comment="Its place in the file")),
                ("booked_on", models.DateField()),
                (
                    "amount",
                    MoneyField(
                        db_comment="Below zero: money out of the settlement account",
                        decimal_places=4,
                        max_digits=19,
                    ),
                ),
                ("description", models.CharField(blank=True, max_length=500)),
                (
                    "other",
                    models.CharField(
                        blank=True, db_comment="The other side's name", max_length=200
                    ),
                ),
                ("reference", models.CharField(blank=True, max_length=140)),
                (
                    "outside_id",
                    models.CharField(
                        blank=True, db_comment="The other bank's id of it", max_length=255
                    ),
                ),
                (
                    "leftover",
                    models.CharField(
                        blank=True,
                        db_comment="Why what is not matched is not in the books",
                        max_length=500,
                    ),
                ),
                (
                    "reconciliation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="lines",
                        to="reconciliation.reconciliation",
                    ),
                ),
            ],
            options={
                "db_table": "reconciliation_lines",
                "db_table_comment": "Lines of outside statements of settlement accounts",
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        fields=["reconciliation", "number"], name="reconciliation_lines_in_order"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ReconciliationMatch",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "amount",
                    MoneyField(
                        db_comment="Always positive; the line has the sign",
                        decimal_places=4,
                        max_digits=19,
                    ),
                ),
                (
                    "is_sure",
                    models.BooleanField(
                        db_comment="Matched by the rules for all lines, not by hand", default=False
                    ),
                ),
                ("created_at", models.DateTimeField(default=timezone.now, editable=False)),
                (
                    "account",
                    models.ForeignKey(
                        db_comment="That of the reconciliation, so that what is matched of a payment needs no join",
                        db_index=False,
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to="accounts.account",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "line",
                    models.ForeignKey(
                        on_delete=models.PROTECT,
                        related_name="matches",
                        to="reconciliation.reconciliationline",
                    ),
                ),
                (
                    "transaction",
                    models.ForeignKey(
                        on_delete=models.PROTECT, related_name="+", to="transactions.transaction"
                    ),
                ),
            ],
            options={
                "db_table": "reconciliation_matches",
                "db_table_comment": "Which payments of the books the lines of outside statements are",
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0)),
                        name="match_is_positive",
                        violation_error_message="A match has an amount above zero.",
                    )
                ],
            },
        ),
    ]
