"""What `manage.py check --deploy` says of a bank that others are to rely on: docs/running.md."""

from django.core.checks import register

from ledger.checks.database import check_database
from ledger.checks.site import check_site


def register_all() -> None:
    """Runs them with `check --deploy` alone."""
    register(check_site, deploy=True)
    register(check_database, deploy=True)
