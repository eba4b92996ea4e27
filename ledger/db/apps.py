from django.apps import AppConfig


class LedgerDbConfig(AppConfig):
    """The database layer: server, connections, retries."""

    name = "ledger.db"
    label = "ledger_db"
