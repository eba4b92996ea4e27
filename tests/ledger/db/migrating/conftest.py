"""A server whose databases are copies: without tables, migrated, or with one person."""

from collections.abc import Callable, Iterator

import pytest

from tests.ledger.databases import Database, Databases, own_databases


@pytest.fixture(scope="package")
def databases() -> Iterator[Databases]:
    with own_databases() as found:
        yield found


@pytest.fixture
def empty(databases: Databases) -> Database:
    """A migrated database without people."""
    return databases.new("empty")


@pytest.fixture
def people(databases: Databases) -> Database:
    """A migrated database with one person."""
    return databases.new("people")


@pytest.fixture
def new_database(databases: Databases) -> Callable[[str], Database]:
    return databases.new
