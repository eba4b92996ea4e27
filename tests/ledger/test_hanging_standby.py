"""A synchronous standby that hangs: COMMIT waits for it, its caller gives up in time and does not
know the outcome, and the payment is booked once when its id is sent again.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ledger.db.backend.limited import GRACE
from ledger.embedded.pair import Node, Pair
from tests.ledger.hanging import standing_still
from tests.ledger.own_bank import OwnBank, assert_nothing_lost_and_nothing_invented, load
from tests.ledger.own_pair import own_pair
from tests.ledger.own_site import Site, accounts_of, children_of, kept_fields
from tests.ledger.processes import wait_until
from tests.ledger.servers import pid_of, transfers_of

STATEMENT = 1  # second
LIMITS = {
    "LEDGER_STATEMENT_TIMEOUT": str(STATEMENT),
    "LEDGER_LOCK_TIMEOUT": "1",
}
# The wait of COMMIT, then three seconds of tries that wait for the locks it still holds, on a busy
# machine. The limit of a web worker is 30 s.
AT_MOST = STATEMENT + GRACE + 12


@pytest.fixture
def pair() -> Iterator[Pair]:
    with own_pair(bank=True) as found:
        yield found


@pytest.fixture
def bank(pair: Pair) -> OwnBank:
    found = OwnBank(pair.data_dir)
    found.settings |= LIMITS
    return found


@contextmanager
def hanging(node: Node) -> Iterator[None]:
    pid = pid_of(node)
    with standing_still([pid, *children_of(pid)]):
        yield


def end_of_the_wait(pair: Pair, how: str) -> None:
    """The standby goes on already; perhaps it becomes the primary."""
    if how == "failover":
        pair.fail_over(kill=True)


@pytest.mark.parametrize("how", ["goes on", "failover"])
def test_a_service_says_that_it_does_not_know_and_books_the_same_id_once(
    bank: OwnBank, pair: Pair, figure: Callable[[str], None], how: str
) -> None:
    bank.settings["LEDGER_ROLE"] = "web"  # whose connections have limits
    with load(bank, 2) as paying:
        paying.wait_for(10)
        with hanging(pair.standby):
            began = time.monotonic()
            wait_until(lambda: any("OutcomeUnknown" in line for line in unknown(paying)))
            waited = time.monotonic() - began
            if how == "failover":
                pair.primary.kill()
        end_of_the_wait(pair, how)
        paying.wait_for(10)
    figure(f"unknown after {waited:.1f} s")
    assert STATEMENT + GRACE - 1 < waited < AT_MOST
    assert_nothing_lost_and_nothing_invented(bank, paying)


def unknown(paying: Any) -> list[str]:
    return [line[2] for line in list(paying.lines) if line[0] == "unknown"]


@pytest.mark.parametrize("how", ["goes on", "failover"])
def test_a_page_says_that_it_does_not_know_and_the_same_form_is_booked_once(
    bank: OwnBank, pair: Pair, figure: Callable[[str], None], how: str
) -> None:
    (sender, _), (_, number), *_ = accounts_of(bank)
    site, id = Site(bank), str(uuid.uuid4())
    try:
        assert site.pay(sender, number, "2.00")
        before = transfers_of(pair.primary)
        with hanging(pair.standby):
            began = time.monotonic()
            status, page = site.pay_once(sender, number, "1.00", id)
            waited = time.monotonic() - began
            # The COMMIT of the first one has the locks, and nobody sees its row.
            again, page_again = site.send(kept_fields(page))
            if how == "failover":
                pair.primary.kill()
        end_of_the_wait(pair, how)
        receipt = site.pay(sender, number, "1.00", id)
        assert transfers_of(pair.primary) - before == {receipt}
        # A failover leaves one server.
        wait_until(lambda: how == "failover" or receipt in transfers_of(pair.standby))
    finally:
        site.stop()  # and its servers
    figure(f"{status} after {waited:.1f} s")
    assert (status, again) == (503, 503)
    for shown in (page, page_again):
        assert "may have booked it already" in shown
        assert f'name="id" value="{id}"' in shown, "to be sent again"
    assert kept_fields(page_again) == kept_fields(page)
    assert STATEMENT + GRACE - 1 < waited < AT_MOST
