from django.apps import AppConfig


class TransactionsConfig(AppConfig):
    """How money moves: posting, statements, import."""

    name = "transactions"
