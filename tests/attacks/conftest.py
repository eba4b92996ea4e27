"""The bank of the attacks, and people of each kind who walk through it."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client, override_settings
from pytest_django import DjangoDbBlocker

from accounts.models import Account
from tests.attacks.bank import AttackedBank, attacked_bank
from tests.attacks.people import readers_of
from tests.attacks.rows import rows_of_a_customer
from tests.factories import AccountFactory
from tests.kept import rolled_back_at_the_end
from transactions.row_security import installation


@pytest.fixture
def no_lines_of_refused_requests(caplog: pytest.LogCaptureFixture) -> None:
    """A walk is refused some thousand times, and each time Django logs a warning."""
    for name in ("django.request", "ledger.security"):
        caplog.set_level(logging.ERROR, logger=name)


@pytest.fixture
def bank(db: None, no_lines_of_refused_requests: None) -> AttackedBank:
    return attacked_bank()


@pytest.fixture(scope="module")
def bank_of_the_module(
    django_db_setup: None, practice_bank: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[AttackedBank]:
    """Built once; a module takes it for its `bank` if all its tests roll back."""
    with rolled_back_at_the_end(django_db_blocker):
        yield attacked_bank()


@pytest.fixture
def readers(bank: AttackedBank) -> dict[str, Client]:
    return readers_of(bank)


@pytest.fixture(autouse=True)
def _practice_bank(practice_bank: None) -> None:
    """Pages of the lab, which the walks open, run their attempts there."""


@pytest.fixture
def account() -> Account:
    """An account of Ana, full enough for what needs an approval."""
    account: Account = AccountFactory(balance="50000", user__name="Ana Ferreira")
    return account


@pytest.fixture
def other() -> Account:
    account: Account = AccountFactory(balance="50000", user__name="Mara Lindt")
    return account


@pytest.fixture
def rows_secured(settings: Any, db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Row-level security for one test; of a test that commits it is undone, without the policies
    that the test replaced.
    """
    settings.LEDGER_ROW_SECURITY = True
    installation.apply()
    yield
    if not connection.in_atomic_block:
        monkeypatch.undo()
        settings.LEDGER_ROW_SECURITY = settings.ROW_SECURITY_OF_TESTS
        installation.apply()


@pytest.fixture(scope="module")
def secured_ana(
    django_db_setup: None, practice_bank: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Account]:
    """Row-level security with the rows of Ana, for a module whose tests all roll back; it takes
    them for its `rows_secured` and `ana`.
    """
    with rolled_back_at_the_end(django_db_blocker), override_settings(LEDGER_ROW_SECURITY=True):
        installation.apply()
        yield rows_of_a_customer()


@pytest.fixture
def ana() -> Account:
    """The account of a customer with a row in every table that policies protect."""
    return rows_of_a_customer()


@pytest.fixture
def eve() -> Account:
    """Another customer's, who has nothing to do with Ana."""
    account: Account = AccountFactory(balance="5")
    return account
