"""Things are killed while money moves: what was acknowledged is there once, nothing half-done."""

import os
import signal
import subprocess
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from ledger.embedded.removal import delete_everything
from tests.ledger.own_bank import OwnBank, assert_nothing_lost_and_nothing_invented, load, own_bank
from tests.ledger.own_site import Site, accounts_of
from tests.ledger.processes import (
    LONG,
    reachable_folder,
    wait_until,
)

ENOUGH = 150  # payments before something is killed, and again after it


@pytest.fixture
def bank() -> Iterator[OwnBank]:
    with own_bank() as found:
        yield found


def test_postgres_killed_under_load(bank: OwnBank) -> None:
    with load(bank) as paying:
        for _ in range(2):
            paying.wait_for(ENOUGH)
            bank.kill_postgres()
            paying.wait_for(ENOUGH)  # the next connection starts it again
    assert_nothing_lost_and_nothing_invented(bank, paying)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 150 MB. Only root can make one."""
    with reachable_folder() as folder:
        mount = ["mount", "-t", "tmpfs", "-o", "size=150m,mode=755", "tmpfs", str(folder)]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("a full disk needs a small file system, which this user may not mount")
        try:
            yield folder
        finally:
            delete_everything(folder / "data")
            subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(small_disk: Path, settings: object) -> None:
    bank = OwnBank(small_disk / "data")
    ballast = small_disk / "ballast"
    with load(bank, 2) as paying:
        paying.wait_for(ENOUGH)
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"\0" * 65536)
        wait_until(lambda: bool(paying.ids("unknown")))  # the disk is full
        ballast.unlink(missing_ok=True)
        paying.wait_for(ENOUGH)
    assert_nothing_lost_and_nothing_invented(bank, paying)


def test_web_workers_killed_while_forms_are_sent(bank: OwnBank) -> None:
    """Each person presses Send again until the receipt comes, and has paid once."""
    accounts, site = accounts_of(bank), Site(bank)
    receipts, killed_all = list[str](), threading.Event()

    def person(number: int) -> None:
        sender, recipient = accounts[number], accounts[(number + 1) % len(accounts)]
        while not killed_all.is_set():
            receipts.append(site.pay(sender[0], recipient[1], "1.00"))

    people = [threading.Thread(target=person, args=[number]) for number in range(4)]
    try:
        for each in people:
            each.start()
        for _ in range(4):
            enough = len(receipts) + 15
            wait_until(lambda: len(receipts) >= enough)  # noqa: B023 - called in this round
            for worker in site.workers():
                os.kill(worker, signal.SIGKILL)
        killed_all.set()
        for each in people:
            each.join(LONG)
    finally:
        killed_all.set()
        site.stop()
    assert len(receipts) >= 60
    assert sorted(bank.transfers()) == sorted(receipts), "each form is booked once, nothing else"
    assert "clean" in bank.manage("audit_ledger")


def test_fifty_requests_with_one_id_and_fifty_spends_of_a_full_balance(bank: OwnBank) -> None:
    (first, _), (_, number), *_ = accounts_of(bank)
    site, one_id = Site(bank), str(uuid.uuid4())
    try:
        with ThreadPoolExecutor(50) as pool:
            same = [pool.submit(site.pay, first, number, "5", one_id) for _ in range(50)]
            answers = [each.result() for each in same]
            spends = [pool.submit(site.pay, first, number, "999995") for _ in range(50)]
            receipts = [each.result() for each in spends]
    finally:
        site.stop()
    (paid_once,) = set(answers)
    paid = [receipt for receipt in receipts if receipt]
    assert len(paid) == 1
    assert sorted(bank.transfers()) == sorted([paid_once, *paid])
    assert "clean" in bank.manage("audit_ledger")
