"""A bank spread over two databases: what docs/scaling.md says of transfers between them, tried."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from time import perf_counter

import pytest

from ledger.db.ids import uuid7
from tests.ledger.databases import Databases, own_databases
from tests.ledger.processes import LONG
from tests.ledger.shards.two_shards import Shard, first_leg, second_id, settle, transfer

FOR_FIGURES = 40  # payments of each kind


@pytest.fixture(scope="module")
def databases() -> Iterator[Databases]:
    with own_databases() as found:
        found.server.stop()
        with (found.server.data / "postgresql.conf").open("a") as file:
            file.write("max_prepared_transactions = 10\n")
        yield found


Shards = tuple[Shard, Shard]


@pytest.fixture
def shards(databases: Databases) -> Iterator[Shards]:
    found = Shard(databases.new("empty"), "a"), Shard(databases.new("empty"), "b")
    yield found
    for shard in found:
        shard.kill()
        assert "clean" in shard.database.run("audit_ledger")


def is_settled(shards: Shards) -> bool:
    """Whether nothing is on its way: what left the one shard came to the other."""
    return sum(Decimal(shard.balance("clearing")) for shard in shards) == 0


def test_a_transfer_between_shards_is_one_row_on_each(shards: Shards) -> None:
    here, there = shards

    id = transfer(here, there, "25")

    assert (here.balance("customer"), there.balance("customer")) == ("999975.0000", "1000025.0000")
    assert here.balance("clearing") == "25.0000"
    assert is_settled(shards)
    linked = (
        f"SELECT metadata ->> 'first_leg' FROM transactions WHERE id = '{second_id(id, there)}'"
    )
    assert there.database.values(linked) == [id]


def test_a_crash_between_the_legs_is_settled_once(shards: Shards) -> None:
    here, there = shards
    first_leg(here, there, "25")
    for shard in shards:
        shard.kill()
        shard.start()
    assert not is_settled(shards)  # and nothing is locked: both customers go on paying
    transfer(here, there, "1")
    transfer(there, here, "1")

    for _ in range(2):
        settle(here, there)
        settle(there, here)

    assert is_settled(shards)
    assert (here.balance("customer"), there.balance("customer")) == ("999975.0000", "1000025.0000")


def test_a_leg_that_the_other_shard_refuses_is_taken_back(shards: Shards) -> None:
    here, there = shards
    there.ask("close", account=there.accounts["customer"])

    transfer(here, there, "25")
    settle(here, there)

    assert is_settled(shards)
    assert here.balance("customer") == "1000000.0000"


def test_a_crash_in_a_two_phase_commit_keeps_the_accounts_locked(shards: Shards) -> None:
    """Why the shards are not joined by PREPARE TRANSACTION."""
    here, there = shards
    prepare_both(shards, "crash")
    for shard in shards:
        shard.kill()
        shard.start()

    customer = here.accounts["customer"]
    locked = f"SELECT id FROM accounts WHERE id = '{customer}' FOR NO KEY UPDATE SKIP LOCKED"
    assert here.database.values(locked) == []

    for shard in shards:
        shard.ask("finish", gid=f"crash {shard.name}")
    assert here.database.values(locked) == [customer]
    assert is_settled(shards)
    assert there.balance("customer") == "1000025.0000"


def prepare_both(shards: Shards, gid: str) -> None:
    here, there = shards
    legs = [(here, "customer", "clearing"), (there, "clearing", "customer")]
    for shard, sender, to in legs:
        accounts = {"sender": shard.accounts[sender], "to": shard.accounts[to]}
        name = f"{gid} {shard.name}"
        answer = shard.ask("prepare", gid=name, id=str(uuid7()), amount="25", link={}, **accounts)
        assert "done" in answer


def test_figures_of_transfers_between_shards(shards: Shards) -> None:
    """Printed with `pytest -s`: payments one after the other, with one process on each shard."""
    here, there = shards

    def within() -> None:
        accounts = {"sender": here.accounts["customer"], "to": here.accounts["clearing"]}
        assert "done" in here.ask("transfer", id=str(uuid7()), amount="1", link={}, **accounts)

    def two_phases() -> None:
        gid = str(uuid7())
        prepare_both(shards, gid)
        for shard in shards:
            shard.ask("finish", gid=f"{gid} {shard.name}")

    kinds: dict[str, Callable[[], object]] = {
        "within one shard": within,
        "two linked rows": lambda: transfer(here, there, "1"),
        "two-phase commit": two_phases,
    }
    for name, pay in kinds.items():
        pay()
        began = perf_counter()
        for _ in range(FOR_FIGURES):
            pay()
        taken = perf_counter() - began
        print(f"{name}: {FOR_FIGURES / taken:.0f}/s, {taken / FOR_FIGURES * 1000:.1f} ms each")
        assert taken < LONG
