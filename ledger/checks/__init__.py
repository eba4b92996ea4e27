"""The checks of `manage.py check`.

`check --deploy` checks a bank for production (docs/running.md). `check --database default` checks
whether the database can be reached and has the extensions for `migrate`. `check` without options
finds other ways to sign in, settings that Ledger does not read, settings with which payments fail,
routers for Ledger's models, and tables that no app registers.
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
    """Registers all checks. The first two run only with `check --deploy`, and the third runs with
    `--database` and in `migrate`. The others run in nearly every command.

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
