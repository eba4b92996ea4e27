"""The checks of `manage.py check`.

`--deploy` checks a bank for production (docs/running.md), and `--database default` the extensions
that `migrate` needs. A plain `check` looks for a second sign-in, settings that nothing reads, and
tables that no app registers.
"""

from django.core.checks import Tags, register

from ledger.checks.database import check_database
from ledger.checks.extensions import check_extensions
from ledger.checks.names import check_names
from ledger.checks.sign_in import check_sign_in
from ledger.checks.site import check_site
from ledger.checks.tables import check_tables


def register_all() -> None:
    """Registers all checks. The first two run only with `check --deploy`, the third with
    `--database` and `migrate`, the others with nearly every command.

    The command `check` without options also queries a running database for extensions and time
    zone.
    """
    register(check_site, deploy=True)
    register(check_database, deploy=True)
    register(check_extensions, Tags.database)
    register(check_sign_in, Tags.urls)
    register(check_names)
    register(check_tables)
