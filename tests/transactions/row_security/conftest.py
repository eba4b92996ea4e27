"""Row-level security, and accounts whose rows it protects."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from accounts.models import Account
from tests.factories import AccountFactory
from tests.kept import rolled_back_at_the_end
from tests.transactions.row_security.rows import rows_of_a_customer
from transactions.row_security import installation


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
