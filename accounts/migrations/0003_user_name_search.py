"""Names as words, for the search.

It made pg_trgm in `public`, too, which ledger_db.0005 now makes in a schema of its own.
"""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_balances_follow_rows"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="user",
            index=GinIndex(SearchVector("name", config="simple"), name="users_name_words"),
        ),
    ]
