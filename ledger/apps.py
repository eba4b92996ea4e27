from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """The project itself: its commands."""

    name = "ledger"
