"""A site as it is started, with its standby as a replica: gunicorn, its workers, and browsers."""

import re
from collections.abc import Iterator

import pytest

from ledger.embedded.pair import Pair
from tests.ledger.db.replicas.bank import replay_paused
from tests.ledger.own_bank import OwnBank
from tests.ledger.own_pair import own_pair
from tests.ledger.own_site import Site, accounts_of
from tests.ledger.processes import wait_until

WITH_REPLICA = {"DATABASE_REPLICA_URLS": "standby"}
WAYS = [{}, {"DB_POOL": "2"}, {"LEDGER_ROW_SECURITY": "True"}]


@pytest.fixture
def pair() -> Iterator[Pair]:
    with own_pair(bank=True) as found:
        yield found


class SiteWithReplica:
    """A site whose person has two browsers."""

    def __init__(self, pair: Pair, **further: str) -> None:
        self.pair = pair
        self.bank = OwnBank(pair.data_dir)
        self.bank.settings |= WITH_REPLICA | further
        if further:
            self.bank.reached_by = further
            self.bank.manage("prepare")
        (self.sender, _), (_, self.number), *_ = accounts_of(self.bank)
        self.site = Site(self.bank)
        self.here, self.elsewhere = self.site.cookie, self.site.sign_in()

    def pay(self, amount: str) -> None:
        """By the browser that is here."""
        assert self.site.pay(self.sender, self.number, amount)

    def finds(self, cookie: str, amount: str) -> bool:
        page = self.site.get(f"/search/?q={amount}", cookie)
        found = re.search("([0-9]+) payments?|Nothing found", page)
        assert found, "the page says how many it found"
        return found[1] is not None


def assert_reads_from_the_standby(bank: SiteWithReplica, first: str, second: str) -> None:
    """While the standby replays nothing, one browser reads what the other has just written there
    alone.
    """
    bank.pay(first)
    wait_until(lambda: bank.finds(bank.elsewhere, first))
    with replay_paused(bank.pair.standby):
        bank.pay(second)
        # As soon as the worker that answers has asked the standby.
        wait_until(lambda: not bank.finds(bank.elsewhere, second))
        assert bank.finds(bank.elsewhere, first)
        assert bank.finds(bank.here, second), "a session reads its own write"
    wait_until(lambda: bank.finds(bank.elsewhere, second))


@pytest.mark.parametrize("further", WAYS, ids=lambda each: "".join(each) or "plain")
def test_a_site_reads_from_its_standby_and_sessions_read_their_own_writes(
    pair: Pair, further: dict[str, str]
) -> None:
    bank = SiteWithReplica(pair, **further)
    try:
        assert_reads_from_the_standby(bank, "7.31", "8.47")
    finally:
        bank.site.stop()


def test_after_a_failover_the_old_primary_is_the_replica_of_the_same_site(pair: Pair) -> None:
    bank = SiteWithReplica(pair)
    try:
        assert_reads_from_the_standby(bank, "7.31", "8.47")
        pair.fail_over(kill=True)
        bank.pay("9.53")
        assert bank.finds(bank.here, "9.53")
        assert bank.finds(bank.elsewhere, "9.53"), "there is no replica"
        pair.follow()
        assert_reads_from_the_standby(bank, "10.61", "11.29")
    finally:
        bank.site.stop()
