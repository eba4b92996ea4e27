"""A bank of its own in processes of its own, and processes that pay in it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ledger.embedded import postmaster
from ledger.embedded.server import EmbeddedServer
from ledger.env import BASE_DIR
from tests.ledger.bank_copies import copy_into, is_copied
from tests.ledger.processes import LONG, environment, manage, own_data_dir, wait_until


class OwnBank:
    """An embedded server of its own with four rich accounts. A folder into which the bank was
    copied already needs nothing more.
    """

    # Settings of commands and processes, for a bank that is reached in another way.
    reached_by: Mapping[str, str] = {}

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.database = EmbeddedServer(data_dir)
        self.settings = environment(
            data_dir, DJANGO_SETTINGS_MODULE="ledger.settings", **self.reached_by
        )
        if not is_copied(data_dir) or self.reached_by:
            self.manage("prepare")
        if not is_copied(data_dir):
            self.load("open", "4").communicate(timeout=LONG)

    def manage(self, *arguments: str) -> str:
        done = manage(self.data_dir, *arguments, **self.reached_by)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def load(self, *arguments: str) -> subprocess.Popen[str]:
        return self.program("tests.load", *arguments)

    def program(self, module: str, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=BASE_DIR,
            env=self.settings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def transfers(self) -> list[str]:
        query = "print(*Transaction.objects.filter(type='transfer').values_list('pk', flat=True))"
        return self.manage("shell", "-v", "0", "-c", query).split()

    def kill_postgres(self) -> None:
        """Kill the postmaster, as a power cut would; its children notice and exit."""
        found = postmaster.read(self.database.data)
        assert found is not None
        os.kill(found.pid, signal.SIGKILL)


@contextmanager
def own_bank(**given: str) -> Iterator[OwnBank]:
    """A bank whose processes have these settings; deleted after the block."""
    with own_data_dir() as data_dir:
        copy_bank_into(data_dir)
        bank = OwnBank(data_dir)
        bank.settings.update(given)
        yield bank


def copy_bank_into(data_dir: Path) -> None:
    """Puts a prepared bank into a data folder, from which a server then starts."""
    copy_into(data_dir, OwnBank)


class Load:
    """Processes that pay, and the lines that they print."""

    def __init__(self, bank: OwnBank, processes: int) -> None:
        self.lines: list[list[str]] = []
        self.moments: list[float] = []  # of what is done
        self.processes = [bank.load("pay") for _ in range(processes)]
        self.readers = [threading.Thread(target=self._read, args=[p]) for p in self.processes]
        for reader in self.readers:
            reader.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.lines.append(line.split(maxsplit=2))
            if line.startswith("done"):
                self.moments.append(time.monotonic())

    def ids(self, word: str) -> list[str]:
        return [line[1] for line in list(self.lines) if line[0] == word]

    def wait_for(self, more: int) -> None:
        """Wait until so many more payments are done."""
        enough = len(self.ids("done")) + more
        wait_until(lambda: len(self.ids("done")) >= enough)

    def stop(self) -> None:
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.close()
        for process, reader in zip(self.processes, self.readers, strict=True):
            assert process.wait(LONG) == 0, "a payment was refused, or answered wrongly"
            reader.join(LONG)
            if process.stdout is not None:
                process.stdout.close()


@contextmanager
def load(bank: OwnBank, processes: int = 3) -> Iterator[Load]:
    running = Load(bank, processes)
    try:
        yield running
    finally:
        running.stop()


def assert_nothing_lost_and_nothing_invented(
    bank: OwnBank, paying: Load, *, others: Iterable[str] = ()
) -> None:
    """`others` are payments that were not of this load."""
    booked, done = bank.transfers(), paying.ids("done")
    assert len(booked) == len(set(booked))
    gone = set(done) - set(booked)
    said = [line for line in paying.lines if line[1] in gone]
    assert not gone, f"acknowledged payments are gone: {said}"
    assert set(booked) <= {*paying.ids("sent"), *others}
    assert len(done) == len(set(done))
    assert "clean" in bank.manage("audit_ledger")
