from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class TransactionsConfig(AppConfig):
    """How money moves, and every page that shows it."""

    name = "transactions"

    def ready(self) -> None:
        """Grants the database roles their rights and installs policies after each migration."""
        from transactions.rights import grant_rights
        from transactions.row_security.installation import (
            apply_after_migration,
            lift_masks_before_migration,
        )

        pre_migrate.connect(lift_masks_before_migration, sender=self)
        post_migrate.connect(grant_rights, sender=self)
        post_migrate.connect(apply_after_migration, sender=self)
