from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TransactionsConfig(AppConfig):
    """How money moves, and every page that shows it."""

    name = "transactions"

    def ready(self) -> None:
        """Grants the database roles their rights after each migration."""
        from transactions.rights import grant_rights

        post_migrate.connect(grant_rights, sender=self)
