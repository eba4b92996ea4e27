from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate

from ledger.db.migrating.done import at_newest


class ExplorerConfig(AppConfig):
    """The app of the explorer. It has pages for SQL queries on its views, and for payments grouped
    by category, tag, counterparty, month and metadata key.
    """

    name = "explorer"

    def ready(self) -> None:
        """Connects two functions to migrations. One function removes the views before each
        migration, and the other creates the views again after it.
        """
        from explorer.schema.installation import apply, lift_before_migration

        pre_migrate.connect(lift_before_migration, sender=self)
        post_migrate.connect(at_newest(lambda **_signal: apply()), sender=self, weak=False)
