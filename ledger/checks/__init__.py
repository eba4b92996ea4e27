"""The checks of `manage.py check`.

`check --deploy` checks a bank for production (docs/running.md). `check --database default` checks
whether the database can be reached, and the extensions that `migrate` needs. `check` without
options searches for another way to sign in, for settings that Ledger does not read, and for tables
that no app has registered.
"""

from django.core.checks import Tags, register

from ledger.checks.database import check_database
from ledger.checks.extensions import check_extensions
from ledger.checks.names import check_names
from ledger.checks.sign_in import check_sign_in
from ledger.checks.site import check_site
from ledger.checks.tables import check_tables


def register_all() -> None:
    """Registers all checks. The first two run only with `check --deploy`. The third runs with
    `--database` and with `migrate`. The others run with nearly every command.

    `check` without options also queries a running database about its extensions and its time zone.
    """
    register(check_site, deploy=True)
    register(check_database, deploy=True)
    register(check_extensions, Tags.database)
    register(check_sign_in, Tags.urls)
    register(check_names)
    register(check_tables)
