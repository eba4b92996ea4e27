"""The function `transfer_to` of django-hordak, if the optional dependency `bench` is installed."""

import importlib.metadata
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction as db_transaction

from tests.bench.rounds import paced
from tests.bench.samples import dice, some_amount, some_words
from tests.bench.servers import new_database
from tests.bench.workers import Workers, start_workers

DATABASE = "hordak"
SETTINGS = "tests.bench.hordak_settings"


def version() -> str | None:
    """Returns the installed version, or None."""
    try:
        return importlib.metadata.version("django-hordak")
    except importlib.metadata.PackageNotFoundError:
        return None


@contextmanager
def hordak_workers(count: int, accounts: int) -> Iterator[Workers]:
    """Starts workers with hordak's settings, tables and accounts."""
    with new_database(DATABASE, "template1"):
        with start_workers(1, DATABASE, SETTINGS) as first:
            first.run("tests.bench.hordak:open_accounts", accounts=accounts)
        with start_workers(count, DATABASE, SETTINGS) as workers:
            yield workers


def open_accounts(worker: int, accounts: int) -> None:
    """Creates the tables, and accounts without parents. This is a job for workers."""
    from django.core.management import call_command
    from hordak.models import Account

    call_command("migrate", verbosity=0)
    for number in range(accounts):
        Account.objects.create(name=f"Account {number}", type="AS", currencies=["USD"])


def pay(worker: int, seconds: float) -> float:
    """Returns transfers per second between random accounts. This is a job for workers."""
    from hordak.models import Account
    from moneyed import Money

    known = list(Account.objects.all())

    def step() -> None:
        sender, recipient = dice.sample(known, 2)
        # Hordak's trigger checks at COMMIT that the two legs balance, so they need one transaction.
        with db_transaction.atomic():
            sender.transfer_to(recipient, Money(some_amount(), "USD"), description=some_words())

    return paced(step, seconds)
