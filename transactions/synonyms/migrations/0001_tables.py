"""Creates the table of synonyms."""

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models
from django.db.models.lookups import Regex

from ledger.db.ids import uuid7


class Migration(migrations.Migration):
    initial = True

    dependencies = [("ledger_db", "0001_extensions")]

    operations = [
        migrations.CreateModel(
            name="Synonym",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        help_text="Results show it, as in “also: Restaurant”.", max_length=40
                    ),
                ),
                ("words", ArrayField(base_field=models.CharField(max_length=40), size=None)),
                (
                    "categories",
                    ArrayField(
                        base_field=models.CharField(max_length=60),
                        blank=True,
                        default=list,
                        size=None,
                    ),
                ),
                (
                    "merchant_codes",
                    ArrayField(
                        base_field=models.CharField(max_length=4),
                        blank=True,
                        default=list,
                        size=None,
                    ),
                ),
            ],
            options={
                "db_table": "synonyms",
                "db_table_comment": "Words by which the search also finds categories and kinds of shops",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("name", ""), _negated=True), ("words__len__gt", 0)
                        ),
                        name="synonym_has_words",
                        violation_error_message="A synonym has a name and at least one word.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("categories__len__gt", 0),
                            ("merchant_codes__len__gt", 0),
                            _connector="OR",
                        ),
                        name="synonym_finds_something",
                        violation_error_message="A synonym has a category or a merchant code.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("categories__len__lte", 5),
                            ("merchant_codes__len__lte", 30),
                            ("words__len__lte", 60),
                        ),
                        name="synonym_is_small",
                        violation_error_message="A synonym has at most 60 words, 5 categories and 30 merchant codes.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            Regex(
                                models.Func(
                                    models.F("merchant_codes"),
                                    models.Value(","),
                                    function="array_to_string",
                                    output_field=models.TextField(),
                                ),
                                "^([0-9]{4}(,[0-9]{4})*)?$",
                            )
                        ),
                        name="merchant_codes_have_four_digits",
                        violation_error_message="A merchant code has four digits.",
                    ),
                ],
            },
        ),
    ]
