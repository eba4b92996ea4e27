"""Queries of analysts, and each run of one: the tables."""

from django.conf import settings
from django.db import migrations, models
from django.utils import timezone

from ledger.db.ids import uuid7


class Migration(migrations.Migration):
    initial = True

    dependencies = [("accounts", "0009_currencies")]

    operations = [
        migrations.CreateModel(
            name="SavedQuery",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("title", models.CharField(max_length=100)),
                ("sql", models.CharField(max_length=20000)),
                (
                    "parameters",
                    models.JSONField(blank=True, db_comment="Their values, by name", default=dict),
                ),
                ("is_shared", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(default=timezone.now)),
                ("changed_at", models.DateTimeField(default=timezone.now)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=models.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "db_table": "explorer_queries",
                "db_table_comment": "Queries of the explorer that people saved",
                "permissions": [("use_explorer", "Can query the whole bank by SQL")],
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="QueryRun",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("ran_at", models.DateTimeField(default=timezone.now)),
                ("sql", models.CharField(max_length=20000)),
                (
                    "parameters",
                    models.JSONField(blank=True, db_comment="Their values, by name", default=dict),
                ),
                (
                    "scope",
                    models.CharField(
                        db_comment="own, bank, or names: the bank with names", max_length=10
                    ),
                ),
                ("form", models.CharField(db_comment="page, csv or json", max_length=10)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("rows", "Rows"),
                            ("refused", "Refused"),
                            ("stopped", "Stopped for its time"),
                            ("failed", "Failed"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "message",
                    models.CharField(
                        blank=True, db_comment="Why there are no rows", max_length=300
                    ),
                ),
                ("rows", models.IntegerField(default=0)),
                ("milliseconds", models.IntegerField(default=0)),
                (
                    "person",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "explorer_runs",
                "db_table_comment": "Who ran which query in the explorer; inserted once, never changed",
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["-ran_at", "-id"], name="explorer_runs_newest"),
                    models.Index(fields=["person", "-ran_at"], name="explorer_runs_by_person"),
                ],
            },
        ),
    ]
