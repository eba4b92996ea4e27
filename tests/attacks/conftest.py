"""The bank of the attacks, and readers of each kind."""

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


@pytest.fixture
def rows_secured(settings: Any, db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Turns row-level security on for one test. After a test that commits, restores the setting of
    the test run.
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
    """Turns row-level security on with the rows of Ana, for a module whose tests all roll back. The
    module uses it as `rows_secured` and `ana`.
    """
    with rolled_back_at_the_end(django_db_blocker), override_settings(LEDGER_ROW_SECURITY=True):
        installation.apply()
        yield rows_of_a_customer()


@pytest.fixture
def ana() -> Account:
    """The account of a customer who has a row in every table with policies."""
    return rows_of_a_customer()


@pytest.fixture
def eve() -> Account:
    """An account of another customer, who is not connected to Ana."""
    account: Account = AccountFactory(balance="5")
    return account
