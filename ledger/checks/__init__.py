"""The checks of `manage.py check`.

`check --deploy` checks a bank for production (docs/running.md). `check --database default` checks
whether the database can be reached and has the extensions for `migrate`. `check` without options
finds these problems:

- URLs that sign users in without Ledger's limits
- settings that Ledger does not read, and settings with which payments fail
- routers that send Ledger's models to another database
- tables that no app has registered
"""

from django.core.checks import Tags, register

from ledger.checks.connections import (
    check_failover,
    check_options,
    check_readers,
    check_routers,
)
from ledger.checks.database import check_database
from ledger.checks.extensions import check_extensions
from ledger.checks.names import check_api_settings, check_names
from ledger.checks.sign_in import check_sign_in
from ledger.checks.site import check_site
from ledger.checks.tables import check_tables


def register_all() -> None:
    """Registers all checks of this package. `check_site` and `check_database` run only with `check
    --deploy`. `check_extensions` runs with `--database` and in `migrate`. The other checks run in
    nearly every command.

    `check` without options also checks the extensions and the time zone of a running database.
    """
    register(check_site, deploy=True)
    register(check_database, deploy=True)
    register(check_extensions, Tags.database)
    register(check_sign_in, Tags.urls)
    register(check_names)
    register(check_api_settings)
    register(check_options)
    register(check_routers)
    register(check_readers)
    register(check_failover)
    register(check_tables)
