"""A bank with a standby, made once for each file of tests."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from pytest_django import DjangoDbBlocker

from ledger.db.pair import Pair
from ledger.db.removal import delete_everything
from tests.ledger.processes import reachable_folder
from tests.ledger.replicas.bank import BankWithReplica, prepared, used


@pytest.fixture(scope="package")
def pair() -> Iterator[Pair]:
    with reachable_folder() as folder:
        found = Pair(folder / "data", settings.LEDGER_PG)
        try:
            found.make()
            prepared(found)
            yield found
        finally:
            delete_everything(folder / "data")


@pytest.fixture
def bank(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, django_db_blocker: DjangoDbBlocker
) -> Iterator[BankWithReplica]:
    """Commits for real, and leaves its rows: every test has people of its own."""
    with django_db_blocker.unblock(), used(pair, monkeypatch) as found:
        found.catch_up()
        yield found
