"""A seed decides what breaks while every verb is called at random: what was acknowledged is there
once, what is unknown once or not at all, the audit is clean, and nothing waits for ever.

LEDGER_FAULT_SEED=7 runs another schedule, LEDGER_FAULT_SECONDS=60 a longer one (`make faults`).
"""

import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from ledger.embedded import placement
from ledger.embedded.pair import Pair
from ledger.embedded.removal import delete_everything
from tests.ledger.faults.breaking import Breaker
from tests.ledger.faults.journal import Journal
from tests.ledger.faults.proof import faults_found
from tests.ledger.faults.proxy import Proxy
from tests.ledger.faults.schedule import HANGS, KINDS, schedule
from tests.ledger.own_bank import OwnBank
from tests.ledger.processes import LONG, environment, reachable_folder

SEED = int(os.environ.get("LEDGER_FAULT_SEED") or 1)
SECONDS = float(os.environ.get("LEDGER_FAULT_SECONDS") or 12)
PROCESSES = 4
SIZE = "1500m"  # of the disk
STATEMENT_TIMEOUT = 3  # seconds; five more, and a server that hangs is given up


@contextmanager
def small_disk(folder: Path) -> Iterator[frozenset[str]]:
    """A file system of its own, where this user may mount one; yields which faults it cannot do."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        yield frozenset({"fill the disk"})
        return
    try:
        yield frozenset()
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def socket_of(pair: Pair, data_dir: Path) -> Path:
    folder = placement.socket_dir_of(placement.home_of(data_dir))
    return folder / f".s.PGSQL.{placement.PORT}"


def test_every_verb_at_random_while_everything_breaks() -> None:
    print(f"LEDGER_FAULT_SEED={SEED} LEDGER_FAULT_SECONDS={SECONDS:g} runs this again")
    with reachable_folder() as folder, small_disk(folder) as left_out:
        pair = Pair(folder / "data")
        proxies = list[Proxy]()
        try:
            pair.make()
            bank = OwnBank(pair.data_dir)
            opened = bank.program("tests.ledger.faults.work", "open")
            opened.communicate(timeout=LONG)
            assert opened.returncode == 0
            proxies += [Proxy(socket_of(pair, each.data_dir)) for each in (pair.first, pair.second)]
            with TemporaryFile("w+") as errors:
                journal = Journal(SEED, through(proxies, bank), PROCESSES, errors)
                try:
                    everything_breaks(pair, journal, proxies, folder, left_out)
                finally:
                    tell(errors)
                    journal.stop()
            said = Counter(f"{line['kind']}: {line['event']}" for line in journal.lines)
            hung = [line for line in journal.lines if "does not answer" in line.get("why", "")]
            print(f"{len(hung)} times a server that hung was given up")
            print(*(f"{count:6} {what}" for what, count in sorted(said.items())), sep="\n")
            assert faults_found(journal, pair.primary) == []
            assert "clean" in bank.manage("audit_ledger")
        finally:
            for proxy in proxies:
                proxy.close()
            delete_everything(folder / "data")


def through(proxies: list[Proxy], bank: OwnBank) -> dict[str, str]:
    """The settings of a process that connects to both servers through their proxies."""
    return environment(
        bank.data_dir,
        DJANGO_SETTINGS_MODULE="ledger.settings",
        DB_NAME="ledger",
        DB_USER="ledger",
        DB_HOST=",".join("127.0.0.1" for _ in proxies),
        DB_PORT=",".join(str(proxy.port) for proxy in proxies),
        DB_OPTIONS="connect_timeout=3",
        # With limits of time, as a web process has them.
        LEDGER_ROLE="web",
        LEDGER_URL="http://localhost",
        LEDGER_STATEMENT_TIMEOUT=str(STATEMENT_TIMEOUT),
    )


def tell(errors: IO[str]) -> None:
    """Prints what the processes wrote, without the lines of the security log."""
    errors.seek(0)
    print(*(line for line in errors if not line.startswith("{")), sep="")


def everything_breaks(
    pair: Pair, journal: Journal, proxies: list[Proxy], disk: Path, left_out: frozenset[str]
) -> None:
    breaker = Breaker(pair, journal, proxies, disk)
    journal.wait_for(PROCESSES)
    until = time.monotonic() + SECONDS
    for fault in takewhile(lambda _: time.monotonic() < until, schedule(SEED, left_out=left_out)):
        journal.wait_for(fault.after)
        print(f"step {journal.steps}: {fault}")
        breaker.do(fault)
    breaker.mend()
    journal.wait_for(PROCESSES * 2)


def test_a_seed_gives_the_same_faults_again_and_another_one_others() -> None:
    def first(seed: int) -> list[object]:
        faults = schedule(seed)
        return [next(faults) for _ in range(50)]

    assert first(7) == first(7) != first(8)
    assert {fault.kind for seed in range(9) for fault in first(seed)} == {*KINDS, *HANGS}  # type: ignore[attr-defined]
