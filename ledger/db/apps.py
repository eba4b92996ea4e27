import sys

from django.apps import AppConfig
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django.utils.module_loading import autodiscover_modules

# What an app registers: each of these modules, if the app has it, is imported at the start.
REGISTERED_IN = (
    "tables", "scheduled", "personal_data", "group_rights", "audit_checks", "origin",
    "closing_obstacles", "menu", "panels", "search_terms",
)  # fmt: skip
OWN = "ledger."
ANOTHER_ENGINE = (
    "DATABASES in the settings names the engine {}, and Ledger needs its own. Leave DATABASES out;"
    " DATABASE_URL, or DB_NAME, DB_USER, DB_PASSWORD, DB_HOST and DB_PORT, name the server"
    " (docs/databases.md)."
)


class LedgerDbConfig(AppConfig):
    """The database layer: connections, retries."""

    name = "ledger.db"
    label = "ledger_db"

    def ready(self) -> None:
        """Ends the process with a sentence for settings of one's own with Django's engine. Imports
        what apps register.
        """
        from ledger.db.queries import lookups

        engine = settings.DATABASES.get(DEFAULT_DB_ALIAS, {}).get("ENGINE", "")
        if not engine.startswith(OWN):
            sys.exit(ANOTHER_ENGINE.format(engine))
        lookups.register()
        autodiscover_modules(*REGISTERED_IN)
