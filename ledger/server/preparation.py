"""Prepares everything that a web server needs: database, migrations, demo data, static files."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command

from accounts.approvals import write_thresholds
from accounts.sign_in.providers.group_map import write_provider_groups
from cookbook.practice import bank
from explorer.schema import installation as explorer_views
from ledger.db import signed_facts
from ledger.db.probe import short_connection, unapplied_migrations
from ledger.server.static_files import collect_if_changed
from ledger.text.lines import counted
from transactions.row_security import installation as row_security

SECONDS_TO_CONNECT = 5


def prepare(*, demo: bool, tell: Callable[[str], object], static: bool = True) -> None:
    """Start the database, migrate, build the practice bank if there is a cookbook, collect static
    files unless `static` is False.

    With `demo` an empty embedded server gets demo data. Calls `tell` with one line for each step
    that had work to do. Raises OperationalError, with a sentence, if it cannot reach the database.
    """
    with short_connection(SECONDS_TO_CONNECT) as found:
        missing = unapplied_migrations(found)
    if missing:
        tell(f"Applying {counted(len(missing), 'migration')} ...")
        call_command("migrate", verbosity=0, interactive=False)
    if demo and not get_user_model()._default_manager.exists():
        _fill_empty_bank(tell)
    signed_facts.store_keys()
    if row_security.apply():
        tell("Changed row-level security in the database.")
    if explorer_views.apply():
        tell("Changed the views of the explorer in the database.")
    if write_thresholds():
        tell("Changed the thresholds of four eyes in the database.")
    if write_provider_groups():
        tell("Changed the groups of the identity provider in the database.")
    if settings.LEDGER_COOKBOOK:
        try:
            bank.build(tell=tell)
        except bank.NoPracticeBank as reason:
            tell(str(reason))
    if static and collect_if_changed():
        tell("Collected the static files.")


def _fill_empty_bank(tell: Callable[[str], object]) -> None:
    """Makes demo data, but only on the embedded server: its staff have a password that everybody
    knows, and an empty database elsewhere may be about to become a real bank.
    """
    if settings.LEDGER_EMBEDDED:
        tell("Filling the empty database with demo data ...")
        call_command("seed_demo", force=True, verbosity=0)
    else:
        tell(
            "The database is empty and stays so: on a server of your own, demo data comes only by"
            " `manage.py seed_demo --force`, and the first staff by `manage.py createsuperuser`."
        )
