"""Prepares what a web server needs: the database, migrations, demo data and static files."""

from contextlib import ExitStack, nullcontext

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from accounts.approvals import write_thresholds
from accounts.sign_in.providers.group_map import write_provider_groups
from cookbook.practice import bank
from cookbook.practice.readiness import NoPracticeBank
from explorer.schema import installation as explorer_views
from ledger import env
from ledger.db.history import signed_facts
from ledger.db.migrating.older import NOTHING_CHANGED, is_older
from ledger.db.outages.probe import (
    applied_migrations,
    short_connection,
    unapplied_migrations,
)
from ledger.db.server.embedded import embedded_server
from ledger.server.progress import Progress, seconds_of
from ledger.server.static_files import are_collected
from ledger.text.lines import counted
from transactions.demo.seeding import is_interrupted, is_seeded
from transactions.models import Seal
from transactions.row_security import installation as row_security

SECONDS_TO_CONNECT = 5
NO_DEMO = (
    "This bank already has people, so it gets no demo data. If it is not a real bank, manage.py"
    " seed_demo --force adds demo data, with people whose password everybody knows."
)
PRACTICE_BANK = "Building the practice bank of the cookbook"


def prepare(
    *, demo: bool, progress: Progress, static: bool = True, practice_bank: bool = True
) -> None:
    """Starts the database, applies migrations, builds the practice bank if the cookbook is on, and
    collects static files. Also writes keys, policies and settings to the database if they have
    changed. Prints a line for each step that has work to do.

    If `demo` is true, an empty embedded server gets demo data. The demo data is also created if an
    earlier start was interrupted at this step. On the embedded server, a second process waits until
    the first process has finished.

    Raises OperationalError, with a message for users, if the database cannot be reached.
    """
    server = embedded_server()
    with server.preparing() if server else nullcontext():
        _prepare(demo=demo, progress=progress, static=static, practice_bank=practice_bank)


def _prepare(*, demo: bool, progress: Progress, static: bool, practice_bank: bool) -> None:
    missing = _find_missing(progress, demo=demo, static=static)
    if missing:
        with progress.step(f"Applying {counted(len(missing), 'migration')}"):
            call_command("migrate", verbosity=0, interactive=False)
    people = get_user_model()._default_manager
    if demo and (not people.exists() or is_interrupted()):
        _fill_empty_bank(progress)
    elif demo and settings.LEDGER_EMBEDDED and not (is_seeded() or Seal.objects.exists()):
        progress.print_line(NO_DEMO)
    signed_facts.store_keys()
    if row_security.apply():
        progress.print_line("Changed row-level security in the database.")
    if explorer_views.apply():
        progress.print_line("Changed the views of the explorer in the database.")
    if write_thresholds():
        progress.print_line("Changed the thresholds of four eyes in the database.")
    if write_provider_groups():
        progress.print_line("Changed the groups of the identity provider in the database.")
    if practice_bank and settings.LEDGER_COOKBOOK:
        _build_practice_bank(progress)
    if static and not are_collected():
        with progress.step("Collecting the static files"):
            call_command("collectstatic", verbosity=0, interactive=False)


def _find_missing(progress: Progress, *, demo: bool, static: bool) -> list[str]:
    """Starts the database, creates missing roles on an embedded server, and returns the missing
    migrations. Before the first start of an embedded server, prints an estimate of its duration.

    Raises CommandError if the bank is from before the current migrations.
    """
    if env.ignored_variables:
        names = ", ".join(env.ignored_variables)
        progress.print_line(f"Ledger does not read {names}. {env.EMBEDDED_IS_USED}")
    with ExitStack() as stack:
        if (server := embedded_server()) and not server.has_data():
            steps = ["database", "migrations", *(["demo"] * demo), *(["static"] * static)]
            progress.print_line(f"The first start takes about {seconds_of(steps)} seconds here.")
            stack.enter_context(progress.step("Making the database"))
        found = stack.enter_context(short_connection(SECONDS_TO_CONNECT))
        if server:
            server.ensure_roles()
        missing = unapplied_migrations(found)
        if missing and is_older(applied_migrations(found)):
            raise CommandError(NOTHING_CHANGED)
        return missing


def _build_practice_bank(progress: Progress) -> None:
    try:
        with ExitStack() as step:
            bank.build(begin=lambda: step.enter_context(progress.step(PRACTICE_BANK)))
    except NoPracticeBank as reason:
        progress.print_line(str(reason))


def _fill_empty_bank(progress: Progress) -> None:
    """Creates demo data on the embedded server. On another server, only prints a message, because
    everybody knows the password of the demo's staff.
    """
    if settings.LEDGER_EMBEDDED:
        with progress.step("Filling the empty database with demo data"):
            call_command("seed_demo", force=True, verbosity=0)
    else:
        progress.print_line(
            "The database stays empty: on your own server, only `manage.py seed_demo --force` adds"
            " demo data, and `manage.py createsuperuser` adds the first staff member."
        )
