"""The bank of the attacks, and readers of each kind."""

import logging
from collections.abc import Iterator

import pytest
from django.test import Client
from pytest_django import DjangoDbBlocker

from accounts.models import Account
from tests.attacks.bank import AttackedBank, attacked_bank
from tests.attacks.people import readers_of
from tests.factories import AccountFactory
from tests.kept import rolled_back_at_the_end
from tests.transactions.row_security.conftest import ana, rows_secured

__all__ = ["ana", "rows_secured"]


@pytest.fixture
def no_lines_of_refused_requests(caplog: pytest.LogCaptureFixture) -> None:
    """Hides Django's warnings, because a walk is refused some thousand times."""
    for name in ("django.request", "ledger.security"):
        caplog.set_level(logging.ERROR, logger=name)


@pytest.fixture
def bank(db: None, no_lines_of_refused_requests: None) -> AttackedBank:
    return attacked_bank()


@pytest.fixture(scope="module")
def bank_of_the_module(
    django_db_setup: None, practice_bank: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[AttackedBank]:
    """A bank that is built once. A module whose tests all roll back can use it as `bank`."""
    with rolled_back_at_the_end(django_db_blocker):
        yield attacked_bank()


@pytest.fixture
def readers(bank: AttackedBank) -> dict[str, Client]:
    return readers_of(bank)


@pytest.fixture(autouse=True)
def _practice_bank(practice_bank: None) -> None:
    """Builds the practice bank, because the walks open pages of the lab, which run attempts
    in it.
    """


@pytest.fixture
def account() -> Account:
    """An account of Ana with enough money for payments that need approval."""
    account: Account = AccountFactory(balance="50000", user__name="Ana Ferreira")
    return account


@pytest.fixture
def other() -> Account:
    account: Account = AccountFactory(balance="50000", user__name="Mara Lindt")
    return account
