"""Committed books for the tests of the explorer: its own session sees no open transaction."""

from collections.abc import Iterator

import pytest
from django.test import Client
from pytest_django import DjangoDbBlocker

from tests.conftest import signed_in
from tests.explorer.books import Books, committed
from tests.explorer.rights import executing_anything


@pytest.fixture(scope="package")
def books(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Books]:
    with committed(django_db_blocker) as found:
        yield found


@pytest.fixture
def analyst(books: Books, db: None) -> Client:
    return signed_in(books.analyst)


@pytest.fixture
def may_execute() -> Iterator[None]:
    with executing_anything():
        yield
