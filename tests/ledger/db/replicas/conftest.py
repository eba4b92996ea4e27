"""A bank with a standby, made once for each file of tests."""

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from ledger.db.replicas.writer import write_mark
from ledger.embedded.pair import Pair
from tests.ledger.db.replicas.bank import BankWithReplica, prepared, used
from tests.ledger.own_pair import own_pair


@pytest.fixture(scope="package")
def pair() -> Iterator[Pair]:
    with own_pair() as found:
        prepared(found)
        yield found


@pytest.fixture
def bank(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, django_db_blocker: DjangoDbBlocker
) -> Iterator[BankWithReplica]:
    """Commits for real, and leaves its rows: every test has people of its own."""
    with django_db_blocker.unblock(), used(pair, monkeypatch) as found:
        write_mark()  # as a request's session does: another test may have started the writer anew
        found.catch_up()
        yield found
