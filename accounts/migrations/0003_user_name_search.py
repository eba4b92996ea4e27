"""Names as words, for the search; and pg_trgm, for its typos, where the server has it."""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import migrations

# The embedded server has no pg_trgm, and a role may have no right to it: the search then
# compares words in Python.
TRIGRAMS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') THEN
        CREATE EXTENSION IF NOT EXISTS pg_trgm;
    END IF;
EXCEPTION WHEN insufficient_privilege OR feature_not_supported OR undefined_file THEN
    RAISE NOTICE 'pg_trgm was not made: %', SQLERRM;
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_balances_follow_rows"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="user",
            index=GinIndex(SearchVector("name", config="simple"), name="users_name_words"),
        ),
        migrations.RunSQL(TRIGRAMS, migrations.RunSQL.noop),
    ]
