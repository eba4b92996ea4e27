"""A demo bank with seals in a server of its own, and folders for others."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.embedded import roles
from ledger.embedded.removal import delete_everything
from tests.ledger.debian import DebianServer
from tests.ledger.own_bank import OwnBank, own_bank
from tests.ledger.processes import reachable_folder


@pytest.fixture(scope="module")
def bank() -> Iterator[OwnBank]:
    with own_bank() as found:
        found.manage("seed_demo", "--force")
        found.manage("seal_ledger")
        yield found


@pytest.fixture(scope="module")
def backup(bank: OwnBank, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("backup") / "bank.backup"
    bank.manage("backup", str(file))
    return file


@pytest.fixture
def new_folder() -> Iterator[Callable[[], Path]]:
    """Data folders in which nothing was started yet."""
    made: list[Path] = []
    with reachable_folder() as folder:

        def new_folder() -> Path:
            made.append(folder / f"data{len(made)}")
            return made[-1]

        yield new_folder
        for each in made:
            delete_everything(each)


@pytest.fixture
def debian() -> Iterator[DebianServer]:
    """With the roles of a bank, and every extension that Debian has."""
    with reachable_folder() as folder:
        found = DebianServer(folder, shared_preload_libraries="pg_stat_statements")
        found.start()
        try:
            with found.session() as superuser:
                roles.create_on(superuser)
            yield found
        finally:
            found.stop()
