"""Creates the table of payees."""

from django.conf import settings
from django.db import migrations, models
from django.utils import timezone


class Migration(migrations.Migration):
    initial = True

    dependencies = [("accounts", "0009_currencies")]

    operations = [
        migrations.CreateModel(
            name="Payee",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_comment="Made of the owner and the account",
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                ("note", models.CharField(blank=True, max_length=200)),
                (
                    "name_check",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "No name given"),
                            ("match", "The holder's"),
                            ("close", "Close to the holder's"),
                            ("other", "Not the holder's"),
                        ],
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField(default=timezone.now, editable=False)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=models.PROTECT, related_name="+", to="accounts.account"
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
                "db_table": "payees",
                "db_table_comment": "Recipients that people saved under a name",
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("name", ""), _negated=True),
                        name="payee_has_a_name",
                        violation_error_message="Give the payee a name.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("name_check__in", ["", "match", "close", "other"])),
                        name="payee_name_check_valid",
                        violation_error_message="The name was compared in an unknown way.",
                    ),
                ],
            },
        )
    ]
