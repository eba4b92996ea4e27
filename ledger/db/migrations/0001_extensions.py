"""Creates a schema with the extensions that Ledger requires: see Note [Schema of extensions] in
ledger.db.extensions.
"""

from django.contrib.postgres.operations import (
    BtreeGistExtension,
    TrigramExtension,
    UnaccentExtension,
)
from django.db import migrations

# CREATE EXTENSION uses the first schema of the search path. This setting ends with the transaction.
THERE = "SELECT set_config('search_path', 'extensions, ' || current_setting('search_path'), true)"


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.RunSQL("CREATE SCHEMA IF NOT EXISTS extensions", "DROP SCHEMA extensions"),
        migrations.RunSQL(THERE, migrations.RunSQL.noop),
        BtreeGistExtension(),
        TrigramExtension(),
        UnaccentExtension(),
    ]
