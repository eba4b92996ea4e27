from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # CREATE INDEX CONCURRENTLY does not run in a transaction

    dependencies = [
        ("accounts", "0010_rows_name_their_author"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="user",
            index=GinIndex(
                OpClass(
                    models.Func(
                        models.F("name"),
                        output_field=models.TextField(),
                        template="strip(search_words(%(expressions)s))::text",
                    ),
                    name="extensions.gin_trgm_ops",
                ),
                name="users_similar_search",
            ),
        ),
    ]
