from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TransactionsConfig(AppConfig):
    """How money moves: posting, statements, import."""

    name = "transactions"

    def ready(self) -> None:
        """Rights to tables come with the tables, old and new."""
        from transactions.rights import grant_rights

        post_migrate.connect(grant_rights, sender=self)
