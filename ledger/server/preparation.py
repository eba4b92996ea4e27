"""Prepares everything that a web server needs: database, migrations, demo data, static files."""

from collections.abc import Callable

from django.contrib.auth import get_user_model
from django.core.management import call_command

from cookbook.practice import bank
from ledger.db.probe import short_connection, unapplied_migrations
from ledger.server.static_files import collect_if_changed

SECONDS_TO_CONNECT = 5


def prepare(*, demo: bool, tell: Callable[[str], object]) -> None:
    """Start the database, migrate, build the cookbook's practice bank, collect static files.

    With `demo` an empty database gets demo data. Calls `tell` with one line for each step that
    had work to do. Raises OperationalError, with a sentence, if the database cannot be reached.
    """
    with short_connection(SECONDS_TO_CONNECT) as found:
        missing = unapplied_migrations(found)
    if missing:
        tell(f"Applying {len(missing)} migrations ...")
        call_command("migrate", verbosity=0, interactive=False)
    if demo and not get_user_model()._default_manager.exists():
        tell("Filling the empty database with demo data ...")
        call_command("seed_demo", force=True, verbosity=0)
    try:
        bank.build(tell=tell)
    except bank.NoPracticeBank as reason:
        tell(str(reason))
    if collect_if_changed():
        tell("Collected the static files.")
