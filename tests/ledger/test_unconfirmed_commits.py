"""A commit that the standby did not confirm, because its wait was cancelled, is not acknowledged.

The rows are on the primary then, for everybody to see, and gone after a failover.
"""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ledger.embedded.pair import Node, Pair
from tests.ledger.own_bank import OwnBank, assert_nothing_lost_and_nothing_invented, load
from tests.ledger.own_pair import own_pair
from tests.ledger.own_site import Site, accounts_of, kept_fields
from tests.ledger.processes import LONG, wait_until
from tests.ledger.servers import transfers_of

# Superusers' sessions are left alone: the test itself asks by one.
END_WAITS = (
    "SELECT count({how}(pid)) FROM pg_stat_activity"
    " WHERE wait_event = 'SyncRep' AND usename LIKE 'ledger%'"
)


@pytest.fixture
def pair() -> Iterator[Pair]:
    with own_pair(bank=True) as found:
        yield found


@pytest.fixture
def bank(pair: Pair) -> OwnBank:
    return OwnBank(pair.data_dir)


@contextmanager
def nobody_waits(primary: Node, how: str) -> Iterator[list[int]]:
    """Ends each wait for the standby as soon as it begins; yields how many, at each look."""
    ended, is_over = list[int](), threading.Event()

    def end_waits() -> None:
        while not is_over.wait(0.02):
            ended.append(primary.ask(END_WAITS.format(how=how)))

    thread = threading.Thread(target=end_waits)
    thread.start()
    try:
        yield ended
    finally:
        is_over.set()
        thread.join(LONG)


@pytest.mark.parametrize("how", ["pg_cancel_backend", "pg_terminate_backend"])
def test_a_payment_that_only_the_primary_has_is_unknown_and_lost_without_a_lie(
    bank: OwnBank, pair: Pair, how: str
) -> None:
    with load(bank, 3) as paying:
        paying.wait_for(20)
        pair.standby.stop()
        confirmed = len(paying.ids("done"))
        with nobody_waits(pair.primary, how):
            wait_until(lambda: len(paying.ids("unknown")) >= 3)
        on_primary = transfers_of(pair.primary)
        # A payer who finds no server at all starts both; within this block they wait.
        with pair.first.locked("pair.lock"):
            pair.primary.kill()
            pair.standby.ensure_started()
        promised = set(paying.ids("done"))
        on_standby = transfers_of(pair.standby)
        pair._name(pair.standby)
        pair.primary.write_without_standby()
        pair.primary.promote()
        paying.wait_for(20)  # the same payments, sent again
    assert on_primary - on_standby, "the primary alone has some"
    assert promised <= on_standby
    assert len(promised) <= confirmed + 3, "only what waited already was acknowledged meanwhile"
    assert_nothing_lost_and_nothing_invented(bank, paying)


def test_a_page_shows_no_receipt_before_the_standby_has_the_payment(
    bank: OwnBank, pair: Pair
) -> None:
    (sender, _), (_, number), *_ = accounts_of(bank)
    site, id = Site(bank), str(uuid.uuid4())
    receipts = list[str]()

    def person() -> None:
        receipts.append(site.pay(sender, number, "1.00", id))

    thread = threading.Thread(target=person)
    try:
        assert site.pay(sender, number, "2.00")
        before = transfers_of(pair.primary)
        pair.standby.stop()
        with nobody_waits(pair.primary, "pg_cancel_backend") as ended:
            thread.start()
            wait_until(lambda: bool(transfers_of(pair.primary) - before))
            (only_there,) = transfers_of(pair.primary) - before
            seen = sum(ended)
            wait_until(lambda: sum(ended) > seen + 20)  # sent again and again
            assert receipts == []
        pair.follow()
        thread.join(LONG)
    finally:
        site.stop()
    assert receipts == [only_there]
    assert only_there in transfers_of(pair.standby)


@pytest.mark.parametrize("how", ["goes on", "failover"])
def test_the_page_keeps_the_form_and_the_same_one_is_booked_once(
    bank: OwnBank, pair: Pair, how: str
) -> None:
    """Also where the standby takes over without what the page was not sure of."""
    (sender, _), (_, number), *_ = accounts_of(bank)
    site, id = Site(bank), str(uuid.uuid4())
    try:
        assert site.pay(sender, number, "2.00")
        before = transfers_of(pair.primary)
        # A page that finds no server at all starts both; within this block it waits.
        with pair.first.locked("pair.lock"):
            pair.standby.stop()
            with nobody_waits(pair.primary, "pg_cancel_backend"):
                status, page = site.pay_once(sender, number, "1.00", id)
            on_primary = transfers_of(pair.primary) - before
            if how == "failover":
                pair.primary.kill()
                pair.standby.ensure_started()
        if how == "failover":
            assert transfers_of(pair.standby) == before, "it took over without the payment"
            pair._name(pair.standby)
            pair.primary.write_without_standby()
            pair.primary.promote()
        else:
            pair.follow()
        receipts = {site.send_again(kept_fields(page)) for _ in range(2)}
        assert transfers_of(pair.primary) - before == receipts
    finally:
        site.stop()
    assert (status, len(on_primary), len(receipts)) == (503, 1, 1)
    assert "may have booked it already" in page
    assert kept_fields(page)["id"] == id
