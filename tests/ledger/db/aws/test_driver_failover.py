"""The writer of a cluster dies while money moves, and AWS's driver finds the next one: what was
acknowledged is there once. The run prints at its end how long nobody could pay.
"""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.ledger.db.aws.aurora_bank import AuroraBank
from tests.ledger.own_bank import assert_nothing_lost_and_nothing_invented, load
from tests.ledger.own_site import assert_every_receipt_is_in_the_books, longest_gap, people
from tests.ledger.processes import own_data_dir

ENOUGH = 12


@pytest.fixture
def bank() -> Iterator[AuroraBank]:
    with own_data_dir() as data_dir:
        yield AuroraBank(data_dir)


def test_the_writer_dies_under_load_and_the_reader_goes_on(
    bank: AuroraBank, figure: Callable[[str], None]
) -> None:
    with people(bank) as paying_there, load(bank, 2) as paying:
        paying_there.wait_for(ENOUGH)
        paying.wait_for(ENOUGH)
        ended = time.monotonic()
        done = bank.cluster.fail_over(kill=True)
        paying.wait_for(ENOUGH)
        paying_there.wait_for(ENOUGH)
        bank.cluster.follow()  # the old writer comes back as a reader
        paying.wait_for(ENOUGH)
    gaps = [longest_gap(each.moments, ended) for each in (paying, paying_there)]
    figure(f"promoted in {done.seconds:.2f} s")
    figure(f"nobody paid for {gaps[0]:.2f} s by services, for {gaps[1]:.2f} s on pages")
    assert_every_receipt_is_in_the_books(bank, paying, paying_there)


def test_a_cluster_fails_over_there_and_back(bank: AuroraBank) -> None:
    with load(bank, 2) as paying:
        paying.wait_for(ENOUGH)
        bank.cluster.fail_over(kill=False)
        bank.cluster.follow()
        paying.wait_for(ENOUGH)
        assert bank.cluster.fail_over(kill=True).primary == "first"
        paying.wait_for(ENOUGH)
    assert_nothing_lost_and_nothing_invented(bank, paying)
