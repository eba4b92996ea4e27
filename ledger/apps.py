from django.apps import AppConfig
from django.conf import settings


class LedgerConfig(AppConfig):
    """The Django app with the project's commands and checks."""

    name = "ledger"

    def ready(self) -> None:
        from ledger.checks import register_all

        register_all()
        if settings.LEDGER_TRACING:
            from ledger.db.queries.traced import start_tracing

            start_tracing()
