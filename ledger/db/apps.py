from django.apps import AppConfig


class LedgerDbConfig(AppConfig):
    """The database layer: connections, retries."""

    name = "ledger.db"
    label = "ledger_db"

    def ready(self) -> None:
        from ledger.db import lookups

        lookups.register()
