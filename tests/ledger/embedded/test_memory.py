"""How much memory a session of the embedded server gets: Note [Memory of a session]."""

import sys
from collections.abc import Iterator

import psycopg
import pytest

from ledger.embedded.removal import delete_everything
from ledger.embedded.server import EmbeddedServer
from tests.ledger.processes import reachable_folder
from tests.ledger.servers import pid_of, query, superuser_of

MEGABYTE = 1024 * 1024
LEVELS = 18  # the planner takes 300 MB for them, and twice as much for each further one

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="shells know no limit of memory")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedServer]:
    """One whose sessions get 150 MB."""
    monkeypatch.setattr("ledger.embedded.server.SESSION_MEMORY", 150 * MEGABYTE)
    with reachable_folder() as folder:
        found = EmbeddedServer(folder / "data")
        yield found
        delete_everything(found.data_dir)


def nested(levels: int) -> str:
    """A query whose planner doubles an expression at each level."""
    sql = "SELECT oid::bigint AS c FROM pg_class"
    for level in range(levels):
        sql = f"SELECT c + c AS c FROM ({sql}) AS a{level}"
    return f"EXPLAIN {sql}"


def test_a_query_that_wants_too_much_ends_and_no_other_session(server: EmbeddedServer) -> None:
    with superuser_of(server) as other, superuser_of(server) as greedy:
        before = pid_of(server)
        assert greedy.execute(nested(10).encode()).fetchone()
        with pytest.raises(psycopg.errors.OutOfMemory):
            greedy.execute(nested(LEVELS).encode())
        assert greedy.execute("SELECT 1").fetchone() == (1,)
        assert other.execute("SELECT 1").fetchone() == (1,)
        assert pid_of(server) == before


def test_larger_shared_memory_takes_nothing_from_the_sessions(server: EmbeddedServer) -> None:
    server.ensure_started()
    server.stop()
    with (server.data / "postgresql.conf").open("a") as file:
        file.write("shared_buffers = 512MB\n")
    assert query(server, "SHOW shared_buffers") == "512MB"
    assert query(server, "SELECT length(repeat('x', 50000000))") == "50000000"
