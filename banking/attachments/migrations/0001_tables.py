"""Creates the table of attached files."""

from django.conf import settings
from django.db import migrations, models
from django.utils import timezone


class Migration(migrations.Migration):
    initial = True

    dependencies = [("transactions", "0004_rules_of_audits")]

    operations = [
        migrations.CreateModel(
            name="Attachment",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                (
                    "name",
                    models.CharField(blank=True, db_comment="Without its ending", max_length=100),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("picture", "Picture"), ("document", "PDF")], max_length=10
                    ),
                ),
                ("size", models.IntegerField(db_comment="Bytes")),
                (
                    "content",
                    models.BinaryField(
                        db_comment="NULL if it is in S3, under the row's id", null=True
                    ),
                ),
                ("created_at", models.DateTimeField(default=timezone.now, editable=False)),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "transaction",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to="transactions.transaction",
                    ),
                ),
            ],
            options={
                "db_table": "attachments",
                "db_table_comment": "Receipts that people attach to transactions, for themselves",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["owner", "transaction"], name="attachments_of_owner")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["picture", "document"])),
                        name="attachment_kind_valid",
                        violation_error_message="It is a picture or a PDF.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("size__range", (1, 5242880))),
                        name="attachment_size_valid",
                        violation_error_message="It has at least one byte, and at most 5 MB.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.lookups.Exact(
                                models.Func(
                                    "content",
                                    function="octet_length",
                                    output_field=models.IntegerField(),
                                ),
                                models.F("size"),
                            )
                        ),
                        name="attachment_content_whole",
                        violation_error_message="Its size is that of its content.",
                    ),
                ],
            },
        )
    ]
