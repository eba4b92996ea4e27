"""New words of payments and notes wait in a list of 64 kB, not of 4 MB: whoever fills it moves them
into the index while the accounts are locked, which took eight seconds.
"""

from django.contrib.postgres.indexes import GinIndex
from django.db import migrations

LIMIT = "gin_pending_list_limit"
INDEXES = ("transactions_search", "transactions_metadata", "annotations_search")


def _for_each(action: str) -> str:
    return ";\n".join(f"ALTER INDEX {name} {action}" for name in INDEXES)


class Migration(migrations.Migration):
    dependencies = [("transactions", "0064_slow_receivers")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(_for_each(f"SET ({LIMIT} = 64)"), _for_each(f"RESET ({LIMIT})")),
            ],
            state_operations=[
                migrations.RemoveIndex("transaction", "transactions_search"),
                migrations.AddIndex(
                    "transaction",
                    GinIndex(
                        fields=["search"], gin_pending_list_limit=64, name="transactions_search"
                    ),
                ),
                migrations.RemoveIndex("transaction", "transactions_metadata"),
                migrations.AddIndex(
                    "transaction",
                    GinIndex(
                        fields=["metadata"],
                        gin_pending_list_limit=64,
                        name="transactions_metadata",
                        opclasses=["jsonb_path_ops"],
                    ),
                ),
                migrations.RemoveIndex("annotation", "annotations_search"),
                migrations.AddIndex(
                    "annotation",
                    GinIndex(
                        fields=["search"], gin_pending_list_limit=64, name="annotations_search"
                    ),
                ),
            ],
        )
    ]
