from django.apps import AppConfig


class ReconciliationConfig(AppConfig):
    """The app for reconciliations: it compares statements of other banks with the payments at this
    bank.
    """

    name = "banking.reconciliation"
    verbose_name = "Transactions"  # the heading of the app in the admin

    def ready(self) -> None:
        """Registers the table `reconciliations` for proof of the signed-in user: each write sends
        the signed-in user to the database. A trigger compares this user with the person who signs.
        """
        from ledger.db.history import facts

        facts.recorded.add("reconciliations")
