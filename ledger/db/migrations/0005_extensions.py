"""The extensions that Ledger requires, in a schema of their own: see Note [Schema of extensions] in
ledger.db.extensions.
"""

from django.contrib.postgres.operations import (
    BtreeGistExtension,
    TrigramExtension,
    UnaccentExtension,
)
from django.db import migrations

# One of ours elsewhere goes, if nothing uses it: accounts.0003 made pg_trgm in `public` once.
AWAY = """
DO $$
DECLARE
    elsewhere name;
BEGIN
    FOR elsewhere IN
        SELECT extname FROM pg_extension
        WHERE extname IN ('btree_gist', 'pg_trgm', 'unaccent')
            AND extnamespace <> 'extensions'::regnamespace
    LOOP
        EXECUTE format('DROP EXTENSION %I', elsewhere);
    END LOOP;
END
$$
"""
# CREATE EXTENSION takes the first schema of the path. It ends with the transaction.
THERE = "SELECT set_config('search_path', 'extensions, ' || current_setting('search_path'), true)"


class Migration(migrations.Migration):
    dependencies = [("ledger_db", "0004_session_states")]
    operations = [
        migrations.RunSQL("CREATE SCHEMA IF NOT EXISTS extensions", "DROP SCHEMA extensions"),
        migrations.RunSQL(AWAY, migrations.RunSQL.noop),
        migrations.RunSQL(THERE, migrations.RunSQL.noop),
        BtreeGistExtension(),
        TrigramExtension(),
        UnaccentExtension(),
    ]
