from django.apps import AppConfig


class ReconciliationConfig(AppConfig):
    """Statements of other banks beside the books."""

    name = "banking.reconciliation"
    verbose_name = "Transactions"  # the heading in the admin
