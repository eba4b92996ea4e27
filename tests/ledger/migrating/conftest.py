"""A server whose databases are copies: without tables, migrated, or with one person."""

from collections.abc import Callable, Iterator

import pytest

from ledger.db.removal import delete_everything
from tests.ledger.databases import Database, Databases
from tests.ledger.processes import reachable_folder


@pytest.fixture(scope="package")
def databases() -> Iterator[Databases]:
    with reachable_folder() as folder:
        try:
            yield Databases(folder / "data")
        finally:
            delete_everything(folder / "data")


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
