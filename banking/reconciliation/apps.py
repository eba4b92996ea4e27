from django.apps import AppConfig


class ReconciliationConfig(AppConfig):
    """Statements of other banks, compared with the books."""

    name = "banking.reconciliation"
    verbose_name = "Transactions"  # the heading in the admin

    def ready(self) -> None:
        """Sends the signed-in user with each write, because a trigger compares the user with the
        signer.
        """
        from ledger.db.history import facts

        facts.recorded.add("reconciliations")
