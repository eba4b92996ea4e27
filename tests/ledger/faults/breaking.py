"""Breaks one thing, and mends what does not mend itself."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from ledger.db.server.embedded import EmbeddedServerError
from ledger.embedded.pair import Node, Pair
from tests.ledger.faults.journal import Journal
from tests.ledger.faults.proxy import AFTER, BEFORE, DURING, Proxy
from tests.ledger.faults.schedule import Fault
from tests.ledger.hanging import standing_still
from tests.ledger.own_site import children_of
from tests.ledger.processes import LONG

SESSIONS = "pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename = 'ledger'"
CANCEL_WAITS = (
    "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity"
    " WHERE wait_event = 'SyncRep' AND usename = 'ledger'"
)
TERMINATE = f"SELECT count(pg_terminate_backend(pid)) FROM (SELECT {SESSIONS} ORDER BY pid LIMIT {{}}) AS some"  # noqa: E501


class Breaker:
    """Does what the schedule says to a pair of servers, behind one proxy each."""

    def __init__(self, pair: Pair, journal: Journal, proxies: list[Proxy], disk: Path) -> None:
        self.pair, self.journal, self.proxies, self.disk = pair, journal, proxies, disk
        self.ways: dict[str, Callable[[Fault], None]] = {
            "kill a session's process": self.kill_session,
            "kill the primary, start it again": lambda _: self.pair.primary.kill(),
            "fail over, primary killed": lambda _: self.fail_over(kill=True),
            "fail over, primary stopped": lambda _: self.fail_over(kill=False),
            "lose what the standby did not confirm": self.lose_unconfirmed,
            "cut at COMMIT, before it": lambda fault: self.cut(BEFORE, fault),
            "cut at COMMIT, during it": lambda fault: self.cut(DURING, fault),
            "cut at COMMIT, after it": lambda fault: self.cut(AFTER, fault),
            "cut all connections": self.cut_all,
            "terminate sessions": lambda fault: self.ask(TERMINATE.format(fault.number)),
            "pause replication": self.pause,
            "pause replication, cancel waits": self.pause_and_cancel,
            "fill the disk": self.fill,
            "hold locks": self.hold_locks,
            "hang the primary": lambda fault: self.hang(self.pair.primary, fault.seconds),
            "hang the standby": lambda fault: self.hang(self.pair.standby, fault.seconds),
            "kill a process that pays": lambda fault: self.journal.kill_one(fault.number),
        }

    def do(self, fault: Fault) -> None:
        self.ways[fault.kind](fault)
        self.mend()

    def mend(self) -> None:
        """Starts what does not run, until both servers do and the standby confirms commits."""
        deadline = time.monotonic() + LONG
        while True:
            try:
                self.pair.make()
                return
            except (EmbeddedServerError, psycopg.Error):  # a server that still recovers
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def ask(self, sql: str) -> None:
        with suppress(psycopg.Error, EmbeddedServerError):  # it recovers from the fault before
            self.pair.primary.ask(sql)

    def kill_session(self, fault: Fault) -> None:
        """The server ends all sessions then, and recovers as after a crash."""
        with suppress(psycopg.Error, EmbeddedServerError, ProcessLookupError):
            victim = f"SELECT {SESSIONS} ORDER BY pid OFFSET {fault.number % 3} LIMIT 1"
            if pid := self.pair.primary.ask(victim):
                os.kill(pid, signal.SIGKILL)

    def fail_over(self, *, kill: bool) -> None:
        self.mend()
        self.pair.fail_over(kill=kill)

    def hang(self, node: Node, seconds: float) -> None:
        """All of its processes stand still, as at a stalled disk; then they go on."""
        with suppress(EmbeddedServerError):  # it recovers from the fault before
            postmaster = node.running().pid
            with standing_still([postmaster]), standing_still(children_of(postmaster)):
                time.sleep(seconds)

    def lose_unconfirmed(self, fault: Fault) -> None:
        """The standby stops, all waits for it are cancelled, so that the primary commits alone;
        then it dies, and the standby takes over without these rows.
        """
        self.mend()
        old, new = self.pair.primary, self.pair.standby
        new.stop()
        self._cancel_for(fault.seconds)
        old.kill()
        new.ensure_started()
        self.pair.fail_over(kill=True)

    def cut(self, mode: str, fault: Fault) -> None:
        for proxy in self.proxies:
            proxy.cut_at_commits(mode, fault.number)

    def cut_all(self, _fault: Fault) -> None:
        for proxy in self.proxies:
            proxy.cut_everything()

    def pause(self, fault: Fault) -> None:
        with self.paused():
            time.sleep(fault.seconds)

    def pause_and_cancel(self, fault: Fault) -> None:
        with self.paused():
            self._cancel_for(fault.seconds)

    def _cancel_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.ask(CANCEL_WAITS)
            time.sleep(0.02)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The standby receives nothing, so each commit waits."""
        found = []
        with suppress(EmbeddedServerError):
            parent = str(self.pair.standby.running().pid)
            pgrep = ["pgrep", "-P", parent, "-f", "walreceiver"]
            listed = subprocess.run(pgrep, capture_output=True, text=True, check=False).stdout
            found = [int(pid) for pid in listed.split()]
        for pid in found:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in found:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def fill(self, fault: Fault) -> None:
        """Both servers are on one small file system. What they free is taken, too."""
        ballast, size = self.disk / "ballast", 0
        until = time.monotonic() + fault.seconds
        with ballast.open("wb", buffering=0) as file:
            while time.monotonic() < until:
                found = os.statvfs(self.disk)
                if free := found.f_bfree * found.f_frsize:
                    with suppress(OSError):  # the server was quicker
                        os.posix_fallocate(file.fileno(), size, free)
                        size += free
                time.sleep(0.02)
        ballast.unlink()

    def hold_locks(self, fault: Fault) -> None:
        """A session has locked accounts, while the schedule goes on."""
        running = self.pair.primary.running()

        def hold() -> None:
            with (
                suppress(psycopg.Error),
                psycopg.connect(
                    host=str(running.socket_dir), port=running.port, user="postgres",
                    dbname="ledger",
                ) as connection,
            ):  # fmt: skip
                connection.execute(
                    "SELECT 1 FROM accounts ORDER BY number LIMIT %s FOR UPDATE", [fault.number]
                )
                time.sleep(fault.seconds * 2)
                connection.rollback()

        threading.Thread(target=hold).start()
