from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate

from ledger.db.migrating.done import at_newest


class ExplorerConfig(AppConfig):
    """SQL over views made for it, and the books by category, tag, counterparty, month and key."""

    name = "explorer"

    def ready(self) -> None:
        """Makes the views after each migration."""
        from explorer.schema.installation import apply, lift_before_migration

        pre_migrate.connect(lift_before_migration, sender=self)
        post_migrate.connect(at_newest(lambda **_signal: apply()), sender=self, weak=False)
