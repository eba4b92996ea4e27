from django.apps import AppConfig


class ReconciliationConfig(AppConfig):
    """The app for reconciliations. Staff compare a statement of another bank with the payments at
    this bank.
    """

    name = "banking.reconciliation"
    verbose_name = "Transactions"  # the heading of the app in the admin

    def ready(self) -> None:
        """Registers the table `reconciliations` as a table for which the database needs proof of
        the signed-in user. So each write sends the proof to the database. A trigger compares the
        signed-in user with the person who signs.
        """
        from ledger.db.history import facts

        facts.recorded.add("reconciliations")
