"""Creates the table of monthly statements."""

from django.db import migrations, models
from django.utils import timezone

import banking.statement_files.models
from accounts.models.fields import MoneyField


class Migration(migrations.Migration):
    initial = True

    dependencies = [("transactions", "0004_rules_of_audits")]

    operations = [
        migrations.CreateModel(
            name="MonthlyStatement",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_comment="Made of the account and the number",
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("number", models.PositiveIntegerField(db_comment="From 1 on, without a gap")),
                ("month", models.DateField(db_comment="Its first day")),
                (
                    "starts_at",
                    models.DateTimeField(db_comment="In the bank's time zone, a midnight"),
                ),
                ("ends_at", models.DateTimeField(db_comment="The period ends before it")),
                ("opening", MoneyField(decimal_places=4, max_digits=19)),
                ("money_in", MoneyField(decimal_places=4, max_digits=19)),
                ("money_out", MoneyField(decimal_places=4, max_digits=19)),
                ("closing", MoneyField(decimal_places=4, max_digits=19)),
                ("entry_count", models.PositiveIntegerField()),
                ("holder", models.TextField(db_comment="The name when it was issued")),
                ("account_name", models.TextField(db_comment="When it was issued")),
                (
                    "names",
                    models.JSONField(
                        db_comment="Of the other sides, by id of account", default=dict
                    ),
                ),
                (
                    "version",
                    models.PositiveSmallIntegerField(
                        db_comment="Of the text that is digested", default=1
                    ),
                ),
                ("digest", models.BinaryField(db_comment="SHA-256, see docs/statements.md")),
                ("issued_at", models.DateTimeField(default=timezone.now, editable=False)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="monthly_statements",
                        to="accounts.account",
                    ),
                ),
                (
                    "seal",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to="transactions.seal",
                    ),
                ),
                (
                    "time_zone",
                    models.TextField(
                        db_comment="The bank's when it was issued: the days of the statement are those there",
                        default=banking.statement_files.models.time_zone_now,
                    ),
                ),
            ],
            options={
                "db_table": "monthly_statements",
                "db_table_comment": "Numbered statements of accounts; inserted once, never changed",
                "default_permissions": (),
                "indexes": [models.Index(fields=["digest"], name="monthly_statements_digest")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "number"),
                        name="statement_number_unique",
                        violation_error_message="The account has a statement of this number.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "closing",
                                models.expressions.CombinedExpression(
                                    models.expressions.CombinedExpression(
                                        models.F("opening"), "+", models.F("money_in")
                                    ),
                                    "-",
                                    models.F("money_out"),
                                ),
                            ),
                            ("money_in__gte", 0),
                            ("money_out__gte", 0),
                        ),
                        name="statement_sums_up",
                        violation_error_message="The closing balance follows from the opening one.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("month__day", 1), ("starts_at__lt", models.F("ends_at"))
                        ),
                        name="statement_period_valid",
                        violation_error_message="A statement is of a month.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.lookups.Exact(
                                models.Func(
                                    "digest",
                                    function="octet_length",
                                    output_field=models.IntegerField(),
                                ),
                                models.Value(32),
                            )
                        ),
                        name="statement_digest_is_sha256",
                        violation_error_message="A digest is 32 bytes.",
                    ),
                ],
            },
        )
    ]
