"""Folders that a Postgres of root can enter, and servers in them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from ledger.db.embedded import EmbeddedServer
from ledger.db.removal import delete_everything
from tests.ledger.processes import reachable_folder
from tests.ledger.servers import Start


@pytest.fixture
def folder() -> Iterator[Path]:
    with reachable_folder() as found:
        yield found


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts servers of the Postgres under test; each is deleted at the end."""
    started: list[Path] = []

    def start_in(data_dir: Path) -> EmbeddedServer:
        started.append(data_dir)
        server = EmbeddedServer(data_dir, settings.LEDGER_PG)
        server.ensure_started()
        return server

    yield start_in
    for data_dir in started:
        delete_everything(data_dir)
