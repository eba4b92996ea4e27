from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate

from ledger.db.migrating.done import at_newest


class ExplorerConfig(AppConfig):
    """The app of the explorer: pages for SQL queries on its views, and for groups of payments."""

    name = "explorer"

    def ready(self) -> None:
        """Makes `migrate` remove the views before the migrations and create the views again
        afterwards.
        """
        from explorer.schema.installation import apply, lift_before_migration

        pre_migrate.connect(lift_before_migration, sender=self)
        post_migrate.connect(at_newest(lambda **_signal: apply()), sender=self, weak=False)
