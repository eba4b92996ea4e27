from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate

from ledger.db.migrating.done import at_newest


class ExplorerConfig(AppConfig):
    """The app of the explorer: SQL on its own views, and payments grouped by category, tag,
    counterparty, month and key.
    """

    name = "explorer"

    def ready(self) -> None:
        """Recreates the views after each migration."""
        from explorer.schema.installation import apply, lift_before_migration

        pre_migrate.connect(lift_before_migration, sender=self)
        post_migrate.connect(at_newest(lambda **_signal: apply()), sender=self, weak=False)
