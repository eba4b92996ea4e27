"""Creates the tables of notes, tags and own categories."""

import datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import migrations, models
from django.utils import timezone

from ledger.db.ids import uuid7


class Migration(migrations.Migration):
    initial = True

    dependencies = [("transactions", "0004_rules_of_audits")]

    operations = [
        migrations.CreateModel(
            name="Annotation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("text", models.CharField(blank=True, default="", max_length=500)),
                (
                    "tags",
                    ArrayField(
                        base_field=models.CharField(max_length=30),
                        blank=True,
                        default=list,
                        size=None,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_comment="Strictly rises within an owner's transaction",
                        default=timezone.now,
                    ),
                ),
                (
                    "search",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Func(
                            models.Func(
                                models.Func(
                                    models.F("text"),
                                    template="setweight(coalesce(search_words(%(expressions)s), ''), 'A')",
                                ),
                                arg_joiner=" || ",
                                output_field=SearchVectorField(),
                                template="(%(expressions)s)",
                            ),
                            models.Func(
                                models.Func(
                                    models.F("tags"),
                                    output_field=models.TextField(),
                                    template="array_to_tsvector(%(expressions)s)::text",
                                ),
                                template="setweight(search_words(%(expressions)s), 'B')",
                            ),
                            models.Func(
                                models.Func(
                                    models.F("tags"),
                                    output_field=models.TextField(),
                                    template="array_to_tsvector(%(expressions)s)::text",
                                ),
                                template="regexp_replace(%(expressions)s, '''(\\S+)''', '''#\\1'':1B', 'g')::tsvector",
                            ),
                            arg_joiner=" || ",
                            output_field=SearchVectorField(),
                            template="(%(expressions)s)",
                        ),
                        output_field=SearchVectorField(),
                    ),
                ),
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
                "db_table": "annotations",
                "db_table_comment": "What owners note of transactions for themselves; the newest counts",
                "default_permissions": (),
                "indexes": [
                    GinIndex(
                        fields=["search"], gin_pending_list_limit=64, name="annotations_search"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("owner"),
                        models.F("transaction"),
                        models.OrderBy(models.F("created_at"), descending=True),
                        name="annotation_moments_differ",
                        violation_error_message="A person's notes on one transaction have different times.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.lookups.Exact(
                                models.Func(
                                    models.F("tags"),
                                    models.Value(
                                        '^\\{(([a-z0-9_\\u00a1-\\U0010ffff-]{1,30}|"null")(,([a-z0-9_\\u00a1-\\U0010ffff-]{1,30}|"null")){0,19})?\\}$'
                                    ),
                                    arg_joiner="::text ~ ",
                                    output_field=models.BooleanField(),
                                    template="(%(expressions)s)",
                                ),
                                models.Value(True),
                            )
                        ),
                        name="annotation_tags_valid",
                        violation_error_message="At most 20 tags, each a word of at most 30 letters.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "created_at__gte",
                                datetime.datetime(1900, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            ),
                            (
                                "created_at__lt",
                                datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            ),
                        ),
                        name="annotation_time_finite",
                        violation_error_message="A time lies between 1900 and 9999.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OwnCategory",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("category", models.CharField(db_comment="In lower case", max_length=60)),
                ("change", models.UUIDField(db_comment="What was changed together has the same")),
                (
                    "created_at",
                    models.DateTimeField(
                        db_comment="Strictly rises within an owner's transaction",
                        default=timezone.now,
                    ),
                ),
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
                "db_table": "own_categories",
                "db_table_comment": "Categories that owners give to transactions; the newest counts",
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        fields=["owner", "transaction", "-created_at"], name="own_categories_newest"
                    ),
                    models.Index(fields=["owner", "change"], name="own_categories_change"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("category", ""), _negated=True),
                        name="own_category_named",
                        violation_error_message="Type a category.",
                    )
                ],
            },
        ),
    ]
