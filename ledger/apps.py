from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """The project itself: its commands, and the checks of `check --deploy`."""

    name = "ledger"

    def ready(self) -> None:
        from ledger.checks import register_all

        register_all()
