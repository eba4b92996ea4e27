"""Creates the tables of outside accounts and their imported files."""

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
            name="OutsideAccount",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                ("currency", models.CharField(max_length=3)),
                (
                    "opening",
                    MoneyField(
                        db_comment="Balance before the first entry",
                        decimal_places=4,
                        default=Decimal("0"),
                        max_digits=19,
                    ),
                ),
                ("created_at", models.DateTimeField(default=timezone.now, editable=False)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=models.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "db_table": "outside_accounts",
                "db_table_comment": "Accounts at other banks, kept for overview and never payable",
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("name", ""), _negated=True),
                        name="outside_account_named",
                        violation_error_message="An account has a name.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="OutsideImport",
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
                (
                    "heading",
                    models.CharField(
                        blank=True,
                        db_comment="Of a CSV file: SHA-256 of its column names",
                        max_length=64,
                    ),
                ),
                (
                    "mapping",
                    models.JSONField(
                        db_comment="Of a CSV file: what its columns mean; remembered by the heading",
                        null=True,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("columns", "Columns to be named"),
                            ("reading", "Being read"),
                            ("preview", "Not imported yet"),
                            ("imported", "Imported"),
                            ("undone", "Undone"),
                        ],
                        max_length=10,
                    ),
                ),
                ("line_count", models.PositiveIntegerField(default=0)),
                (
                    "read_count",
                    models.PositiveIntegerField(db_comment="Lines stored so far", default=0),
                ),
                ("double_count", models.PositiveIntegerField(default=0)),
                (
                    "entry_count",
                    models.PositiveIntegerField(db_comment="Entries that it brought", default=0),
                ),
                ("first_on", models.DateField(db_comment="Day of the earliest line", null=True)),
                ("last_on", models.DateField(db_comment="Day of the latest line", null=True)),
                ("is_newest_first", models.BooleanField(default=False)),
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
                (
                    "opening_before",
                    MoneyField(
                        db_comment="Of the account, if the import has replaced it by that of the file",
                        decimal_places=4,
                        max_digits=19,
                        null=True,
                    ),
                ),
                ("created_at", models.DateTimeField(default=timezone.now, editable=False)),
                ("imported_at", models.DateTimeField(null=True)),
                ("undone_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=models.PROTECT,
                        related_name="imports",
                        to="outside.outsideaccount",
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
                (
                    "closing_on",
                    models.DateField(db_comment="Day of the closing balance", null=True),
                ),
                (
                    "doubts",
                    models.JSONField(
                        db_comment="What the preview warns of, found when the file was read",
                        null=True,
                    ),
                ),
            ],
            options={
                "db_table": "outside_imports",
                "db_table_comment": "Files that people imported into accounts at other banks",
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["columns", "reading", "preview", "imported", "undone"])
                        ),
                        name="outside_import_state_valid",
                        violation_error_message="An import waits for columns, is read, waits, or is done.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("format__in", ["csv", "ofx1", "ofx2", "qif", "camt053", "mt940"])
                        ),
                        name="outside_import_format_valid",
                        violation_error_message="A file is CSV, OFX, QIF, camt.053 or MT940.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OutsideFilePart",
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
                ("number", models.PositiveIntegerField()),
                ("body", models.BinaryField()),
                (
                    "source",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.CASCADE,
                        related_name="+",
                        to="outside.outsideimport",
                    ),
                ),
            ],
            options={
                "db_table": "outside_file_parts",
                "db_table_comment": "Uploaded files of other banks, in parts, until they are imported",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["source", "number"], name="outside_file_parts_in_order")
                ],
            },
        ),
        migrations.CreateModel(
            name="OutsideEntry",
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
                (
                    "position",
                    models.IntegerField(db_comment="Order within a day, the oldest first"),
                ),
                ("booked_on", models.DateField()),
                (
                    "amount",
                    MoneyField(db_comment="Below zero: money out", decimal_places=4, max_digits=19),
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
                ("fingerprint", models.UUIDField(db_comment="Of day, amount and texts")),
                (
                    "is_double",
                    models.BooleanField(db_comment="It seems to be entered already", default=False),
                ),
                ("is_entered", models.BooleanField(db_comment="False in a preview", default=False)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to="outside.outsideaccount",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="entries",
                        to="outside.outsideimport",
                    ),
                ),
            ],
            options={
                "db_table": "outside_entries",
                "db_table_comment": "Lines of other banks' files: those of previews, and those entered",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["source", "number"], name="outside_entries_in_order"),
                    models.Index(
                        condition=models.Q(("is_entered", True)),
                        fields=["account", "booked_on", "source", "position"],
                        name="outside_entries_by_day",
                    ),
                    models.Index(fields=["account", "fingerprint"], name="outside_entries_alike"),
                    models.Index(
                        condition=models.Q(("outside_id", ""), _negated=True),
                        fields=["account", "outside_id"],
                        name="outside_entries_by_id",
                    ),
                ],
            },
        ),
    ]
