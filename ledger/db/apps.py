import sys
from collections.abc import Mapping
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django.utils.module_loading import autodiscover_modules

# The modules in which an app registers its parts. At the start, each of these modules is imported
# if it exists.
REGISTERED_IN = (
    "tables", "table_rules", "scheduled", "personal_data", "group_rights", "audit_checks",
    "origin", "closing_obstacles", "menu", "panels", "search_terms", "figures",
)  # fmt: skip
OWN = "ledger."
ANOTHER_ENGINE = (
    "DATABASES in the settings names {}, but Ledger needs its own engine. Remove"
    " DATABASES and name the server in DATABASE_URL, or in DB_NAME, DB_USER, DB_PASSWORD, DB_HOST"
    " and DB_PORT (docs/databases.md). DB_DRIVER=aws, DB_IAM_REGION and DB_POOL replace engines for"
    " AWS's driver, for logins by IAM and for pools."
)


def is_of_ledger(database: Mapping[str, Any]) -> bool:
    """Returns whether an entry of DATABASES uses Ledger's database backend. `migrate` works only
    with such a database, and a worker limits only the connections to such a database.
    """
    return str(database.get("ENGINE", "")).startswith(OWN)


class LedgerDbConfig(AppConfig):
    """The Django app for Ledger's database code, such as connections and retries."""

    name = "ledger.db"
    label = "ledger_db"

    def __init__(self, *arguments: Any) -> None:
        """Ends the process with a message if the settings contain another database engine instead
        of Ledger's engine. Django loads the engine later, with the first model.
        """
        super().__init__(*arguments)
        database = settings.DATABASES.get(DEFAULT_DB_ALIAS, {})
        if not is_of_ledger(database):
            engine = database.get("ENGINE", "")
            sys.exit(ANOTHER_ENGINE.format(f"the engine {engine}" if engine else "no engine"))

    def ready(self) -> None:
        """Registers Ledger's lookups and its error for an unknown alias. Then imports the modules
        in REGISTERED_IN, in which each app registers its tables, jobs, menu items and other parts.
        """
        from ledger.db import unknown_alias
        from ledger.db.queries import lookups

        lookups.register()
        unknown_alias.explain()
        autodiscover_modules(*REGISTERED_IN)
