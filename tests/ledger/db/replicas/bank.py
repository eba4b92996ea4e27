"""A bank with a standby, which this process uses as its database and its replica."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.db.backends.postgresql import base

from ledger.db.backend.base import DatabaseWrapper
from ledger.db.replicas import prober, purposes
from ledger.db.replicas.known import Replica
from ledger.db.replicas.writer import Needed
from ledger.embedded import roles
from ledger.embedded.pair import Node, Pair
from tests.ledger.processes import LONG, manage, wait_until

ALIAS = "replica1"


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement that went to the replica."""

    purpose: str
    tables: frozenset[str]
    sql: str


@contextmanager
def replay_paused(standby: Node) -> Iterator[None]:
    """Within the block, a standby replays nothing."""
    standby.ask("SELECT pg_wal_replay_pause()")
    wait_until(lambda: standby.ask("SELECT pg_get_wal_replay_pause_state()") == "paused")
    try:
        yield
    finally:
        standby.ask("SELECT pg_wal_replay_resume()")


@dataclass
class BankWithReplica:
    pair: Pair
    replica: Replica
    sent: list[Sent] = field(default_factory=list)

    def catch_up(self) -> None:
        """Waits until the replica has replayed everything, and asks it."""
        now = self.pair.primary.ask("SELECT pg_current_wal_insert_lsn()")
        behind = f"SELECT pg_last_wal_replay_lsn() < '{now}'"
        wait_until(lambda: not self.pair.standby.ask(behind))
        self.replica.probe()
        assert self.replica.why_out == ""

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Within the block, the replica replays nothing; it still receives, so commits go on."""
        self.catch_up()
        with replay_paused(self.pair.standby):
            yield

    def probe(self) -> None:
        self.replica.probe()

    def needed(self) -> Needed:
        """What a session that wrote nothing needs."""
        return Needed(self.pair.primary.ask("SELECT pg_postmaster_start_time()"))

    @contextmanager
    def written_on(self, node: Node) -> Iterator[None]:
        """Within the block, another server is the writer."""
        before: Any = connections["default"]
        before.close()
        before.close_pool()  # of this alias: it leads to the other writer
        other = DatabaseWrapper(_settings(node, roles.OWNER), alias="default")
        connections["default"] = other
        try:
            yield
        finally:
            other.close()
            other.close_pool()
            connections["default"] = before


def prepared(pair: Pair) -> None:
    """Makes the tables, and the practice bank of the cookbook."""
    same = {
        "SECRET_KEY": settings.SECRET_KEY,
        "LEDGER_ROW_SECURITY": str(settings.LEDGER_ROW_SECURITY),
    }
    for command in ("prepare", "practice_bank"):
        done = manage(pair.data_dir, command, **same)
        assert done.returncode == 0, done.stderr


@contextmanager
def used(pair: Pair, patch: pytest.MonkeyPatch) -> Iterator[BankWithReplica]:
    """Within the block, this process has the pair as its databases."""
    before: Any = connections["default"]
    pools = base.DatabaseWrapper._connection_pools  # type: ignore[attr-defined]
    of_others = {**pools}
    pools.clear()
    writer = DatabaseWrapper(_settings(pair.primary, roles.OWNER), alias="default")
    connections["default"] = writer
    connections.settings[ALIAS] = settings_of_replica(pair.standby)
    bank = BankWithReplica(pair, Replica(ALIAS))
    # Nothing probes but the tests, so an answer holds until the next, however slow the machine is.
    patch.setattr("ledger.db.replicas.known.STALE", LONG)
    patch.setattr(prober, "aliases", lambda: (ALIAS,))
    patch.setattr("ledger.db.replicas.aliases", lambda: (ALIAS,))
    patch.setattr("ledger.db.replicas.requests.replicas", lambda: (bank.replica,))
    patch.setattr("ledger.db.replicas.replicas", lambda: (bank.replica,))
    patch.setattr(purposes.ReadPurpose, "check", _noting(bank, purposes.ReadPurpose.check))
    try:
        yield bank
    finally:
        bank.replica.close()
        connections[ALIAS].close()
        del connections[ALIAS]
        del connections.settings[ALIAS]
        writer.close()
        connections["default"] = before
        for pool in pools.values():
            pool.close()
        pools.clear()
        pools.update(of_others)


def settings_of_replica(standby: Node) -> dict[str, Any]:
    return _settings(standby, roles.WEB) | {"LEDGER_REPLICA": True}


def _settings(node: Node, user: str) -> dict[str, Any]:
    running = node.running()
    ours = connections["default"].settings_dict
    options = {**ours["OPTIONS"]}
    options.pop("target_session_attrs", None)
    return {
        **ours,
        "HOST": str(running.socket_dir),
        "PORT": running.port,
        "USER": user,
        "NAME": roles.DATABASE,
        "LEDGER_EMBEDDED": False,
        "LEDGER_POOLER": "",
        "OPTIONS": options,
    }


def _noting(bank: BankWithReplica, check: Any) -> Any:
    def noting(self: Any, execute: Any, sql: Any, *rest: Any) -> Any:
        result = check(self, execute, sql, *rest)
        bank.sent.append(Sent(self.name, purposes.tables_in(sql), sql))
        return result

    return noting
