"""Creates the tables of category rules and budgets."""

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
            name="Budget",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_comment="Made of owner, category and currency",
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("category", models.CharField(db_comment="In lower case", max_length=60)),
                ("currency", models.CharField(max_length=3)),
                (
                    "amount",
                    MoneyField(db_comment="For each month", decimal_places=4, max_digits=19),
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
                "db_table": "budgets",
                "db_table_comment": "How much owners want to spend on a category each month",
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0)),
                        name="budget_positive",
                        violation_error_message="A budget is more than zero.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("category", ""), _negated=True),
                        name="budget_has_a_category",
                        violation_error_message="A budget has a category.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CategoryRule",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("position", models.IntegerField(db_comment="The lowest is asked first")),
                ("name", models.CharField(max_length=80)),
                ("query", models.CharField(db_comment="As typed into the search", max_length=300)),
                ("category", models.CharField(db_comment="In lower case", max_length=60)),
                (
                    "seen",
                    models.JSONField(
                        blank=True,
                        db_comment="Booking times up to which accounts were looked at",
                        default=dict,
                    ),
                ),
                ("created_at", models.DateTimeField(default=timezone.now, editable=False)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=models.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "stopped_at",
                    models.DateTimeField(
                        blank=True,
                        db_comment="Since when it is off, because it took too long",
                        null=True,
                    ),
                ),
            ],
            options={
                "db_table": "category_rules",
                "db_table_comment": "Rules by which payments of an owner get a category",
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("name", ""), _negated=True),
                            models.Q(("query", ""), _negated=True),
                            models.Q(("category", ""), _negated=True),
                        ),
                        name="category_rule_complete",
                        violation_error_message="A rule has a name, a search and a category.",
                    )
                ],
            },
        ),
    ]
