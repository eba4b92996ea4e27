"""What `manage.py check` says: `--deploy` of a bank that others are to rely on (docs/running.md),
`--database default` of the extensions that `migrate` needs, and `check` of a second sign-in, of
settings that nothing reads, and of tables that no app registers.
"""

from django.core.checks import Tags, register

from ledger.checks.database import check_database
from ledger.checks.extensions import check_extensions
from ledger.checks.names import check_names
from ledger.checks.sign_in import check_sign_in
from ledger.checks.site import check_site
from ledger.checks.tables import check_tables


def register_all() -> None:
    """The first two run with `check --deploy` alone, the third with `--database` and `migrate`, the
    others with nearly every command.

    The command `check` without options asks a running database for extensions and time zone.
    """
    register(check_site, deploy=True)
    register(check_database, deploy=True)
    register(check_extensions, Tags.database)
    register(check_sign_in, Tags.urls)
    register(check_names)
    register(check_tables)
