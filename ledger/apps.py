from django.apps import AppConfig
from django.conf import settings
from django.contrib.staticfiles import apps as staticfiles


class LedgerConfig(AppConfig):
    """The project itself: its commands, and the checks of `check --deploy`."""

    name = "ledger"
    default = True

    def ready(self) -> None:
        from ledger.checks import register_all

        register_all()
        if settings.LEDGER_TRACING:
            from ledger.db.traced import start_tracing

            start_tracing()


class StaticFilesConfig(staticfiles.StaticFilesConfig):
    """Django's, which collects only what a page uses: no second viewer of the schema, no maps."""

    ignore_patterns = (
        *staticfiles.StaticFilesConfig.ignore_patterns,
        "redoc",
        "*.map",
    )
