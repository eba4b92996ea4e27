"""The writer of a cluster dies while money moves, and AWS's driver finds the next one: what was
acknowledged is there once. `pytest -s` prints how long nobody could pay.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from django.conf import settings

from ledger.db.removal import delete_everything
from ledger.env import BASE_DIR
from tests.ledger.aws.cluster import Cluster
from tests.ledger.own_bank import OwnBank, assert_nothing_lost_and_nothing_invented, load
from tests.ledger.own_site import longest_gap, people
from tests.ledger.processes import LONG, reachable_folder, wait_until

pytestmark = pytest.mark.slow
ENOUGH = 40


class AuroraBank(OwnBank):
    """A bank in a cluster, reached by AWS's driver at the endpoint of the first writer."""

    def __init__(self, data_dir: os.PathLike[str], major: int) -> None:
        super().__init__(data_dir, major)  # type: ignore[arg-type]
        self.cluster = Cluster(self.data_dir, major)
        self.cluster.start()
        self.reached_by = {**self.cluster.settings, "LEDGER_URL": "http://localhost"}
        self.settings |= self.reached_by


@pytest.fixture
def bank() -> Iterator[AuroraBank]:
    with reachable_folder() as folder:
        try:
            yield AuroraBank(folder / "data", settings.LEDGER_PG)
        finally:
            delete_everything(folder / "data")


def test_the_writer_dies_under_load_and_the_reader_goes_on(bank: AuroraBank) -> None:
    with people(bank) as paying_there, load(bank, 4) as paying:
        paying_there.wait_for(ENOUGH)
        paying.wait_for(ENOUGH)
        ended = time.monotonic()
        done = bank.cluster.fail_over(kill=True)
        paying.wait_for(ENOUGH)
        paying_there.wait_for(ENOUGH)
        bank.cluster.follow()  # the old writer comes back as a reader
        paying.wait_for(ENOUGH)
    gaps = [longest_gap(each.moments, ended) for each in (paying, paying_there)]
    print(f"\npromoted in {done.seconds:.2f} s; nobody paid for {gaps[0]:.2f} s by services,")
    print(f"for {gaps[1]:.2f} s on pages")
    pages = paying_there.receipts
    assert len(pages) == len(set(pages))
    assert set(pages) <= set(bank.transfers()), "a receipt was shown, and the payment is gone"
    assert_nothing_lost_and_nothing_invented(bank, paying, others=pages)


def test_a_cluster_fails_over_there_and_back(bank: AuroraBank) -> None:
    with load(bank, 2) as paying:
        paying.wait_for(ENOUGH)
        bank.cluster.fail_over(kill=False)
        bank.cluster.follow()
        paying.wait_for(ENOUGH)
        assert bank.cluster.fail_over(kill=True).primary == "first"
        paying.wait_for(ENOUGH)
    assert_nothing_lost_and_nothing_invented(bank, paying)


WAITS = """
import django; django.setup()
from django.db import connection
connection.ensure_connection()
print("connected", flush=True)
input()
"""


def test_a_process_ends_though_its_threads_look_for_a_cluster_that_is_gone(
    bank: AuroraBank,
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS], cwd=BASE_DIR, env=bank.settings, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "connected\n"
    for node in (bank.cluster.first, bank.cluster.second):
        node.kill()
    wait_until(lambda: not bank.cluster.is_running())
    with process.stdin, process.stdout:
        process.stdin.write("\n")
        process.stdin.flush()
        began = time.monotonic()
        assert process.wait(LONG) == 0
    assert time.monotonic() - began < LONG / 4
