"""Fills the pages of the two indexes that only grow at their end: 5 bytes less a transfer.

By default a page is left a tenth empty, for keys that come between others. Ids and booking times
come in order, so that this tenth stays empty for ever. Only new pages are affected.
"""

from django.db import migrations

INDEXES = ("transactions_pkey", "transactions_newest")


class Migration(migrations.Migration):
    dependencies = [("transactions", "0017_balances_in_one_update")]

    operations = [
        migrations.RunSQL(
            f"ALTER INDEX {index} SET (fillfactor = 100)",
            f"ALTER INDEX {index} RESET (fillfactor)",
        )
        for index in INDEXES
    ]
