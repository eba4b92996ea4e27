"""Nothing is left of it: it took pg_trgm away, which 0003 made. ledger_db.0005 makes it again, in a
schema of its own, and takes an older one away.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0039_access_tokens"),
    ]

    operations = []
