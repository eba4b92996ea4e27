from django.apps import AppConfig


class ReconciliationConfig(AppConfig):
    """Statements of other banks beside the books."""

    name = "banking.reconciliation"
    verbose_name = "Transactions"  # the heading in the admin

    def ready(self) -> None:
        """Sends who is signed in with each write, because a trigger compares who signs."""
        from ledger.db.history import facts

        facts.recorded.add("reconciliations")
