"""A replica that hangs: its processes stand still, and its reads are repeated on the writer."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from functools import partial
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from explorer.access import ExplorerReader
from explorer.running.anywhere import run_anywhere
from explorer.running.run import QueryRequest
from ledger.db import replicas
from ledger.db.replicas import known, prober
from ledger.embedded.pair import Node, Pair
from tests.ledger.db.replicas.bank import ALIAS, BankWithReplica, replay_paused
from tests.ledger.db.replicas.people import Saver
from tests.ledger.hanging import LONGEST, standing_still
from tests.ledger.own_bank import OwnBank
from tests.ledger.own_pair import own_pair
from tests.ledger.own_site import Payer, Site, accounts_of, sign_in_people
from tests.ledger.processes import LONG, wait_until
from tests.pages import text_of
from transactions.models import Transaction
from transactions.search.page.views import SEARCH

FOUND = "1 payment"
SESSIONS = (
    "SELECT coalesce(array_agg(pid), '{}') FROM pg_stat_activity"
    " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)
EXPLORING = (
    "SELECT EXISTS (SELECT FROM pg_stat_activity"
    " WHERE application_name LIKE 'ledger explorer%' AND wait_event = 'PgSleep')"
)
NOTICED = known.STALE + 1  # seconds; a busy machine needs some of them for itself


@pytest.fixture
def ana(bank: BankWithReplica) -> Saver:
    return Saver(bank)


@pytest.fixture
def probed(bank: BankWithReplica) -> Iterator[BankWithReplica]:
    """The replica is asked by a thread, as in a web process."""
    is_over = threading.Event()
    thread = threading.Thread(target=prober._keep_probing, args=[bank.replica, is_over])
    thread.start()
    yield bank
    is_over.set()
    thread.join()


def sessions(node: Node) -> list[int]:
    found: list[int] = node.ask(SESSIONS)
    return found


def sessions_and_postmaster(node: Node) -> list[int]:
    """New connections hang, too. Replication goes on, so that commits do not wait."""
    return [*sessions(node), node.running().pid]


def timed_search(browser: Client) -> float:
    began = time.monotonic()
    assert FOUND in text_of(browser.get("/search/?q=salary"))
    return time.monotonic() - began


@pytest.mark.parametrize("what", [sessions, sessions_and_postmaster])
def test_a_read_on_a_replica_that_hangs_is_repeated_as_soon_as_a_probe_fails(
    what: Callable[[Node], list[int]],
    probed: BankWithReplica,
    ana: Saver,
    figure: Callable[[str], None],
) -> None:
    browser, needed = ana.browser(), probed.needed()
    timed_search(browser)
    assert probed.sent
    with standing_still(what(probed.pair.standby)):
        first = timed_search(browser)
        later = [timed_search(browser) for _ in range(3)]
    figure(f"{what.__name__}: {first:.1f} s, then at most {max(later):.1f} s")
    assert first < NOTICED
    assert max(later) < 1.5
    assert probed.replica.repeated == 1
    wait_until(lambda: probed.replica.can_serve(needed))


def test_a_session_that_hung_while_nobody_used_it_costs_no_request(
    probed: BankWithReplica, ana: Saver
) -> None:
    """Probes find the replica well again by a new connection; this one would still hang."""
    browser, needed = ana.browser(), probed.needed()
    timed_search(browser)
    with standing_still(sessions(probed.pair.standby)):
        wait_until(lambda: bool(probed.replica.silent_at))
        wait_until(lambda: probed.replica.can_serve(needed))
        probed.sent.clear()
        assert timed_search(browser) < 1.5
        assert probed.sent, "on the replica"


def test_a_query_of_the_explorer_is_repeated_on_the_writer_as_soon_as_a_probe_fails(
    probed: BankWithReplica, ana: Saver
) -> None:
    """While the replica still stands still, long before the query's own limit of time."""
    standby = probed.pair.standby
    sql = "SELECT CASE WHEN pg_is_in_recovery() THEN pg_sleep(600)::text ELSE 'writer' END"
    reader, is_over = ExplorerReader(ana.user), threading.Event()
    hung_at = list[float]()
    probed.catch_up()

    def hang() -> None:
        wait_until(lambda: bool(standby.ask(EXPLORING)))
        with standing_still(sessions(standby)):
            hung_at.append(time.monotonic())
            is_over.wait()

    thread = threading.Thread(target=hang)
    thread.start()
    try:
        with replicas.request_reads(replicas.RequestReads(probed.needed, lambda: True)):
            result = run_anywhere(QueryRequest(sql, {}, most=1, seconds=LONG), reader)
        taken = time.monotonic() - hung_at[0]
    finally:
        is_over.set()
        thread.join()

    assert result.rows == [("writer",)]
    assert taken < LONGEST
    assert probed.replica.repeated == 1


def test_a_pool_of_a_replica_that_has_no_connection_left_does_not_leave_the_replica_out(
    bank: BankWithReplica,
) -> None:
    there = connections[ALIAS].settings_dict
    pool = {"min_size": 0, "max_size": 1, "timeout": 0.2}
    connections[ALIAS].close()
    there["OPTIONS"]["pool"], there["CONN_MAX_AGE"] = pool, 0
    all_taken: Any = connections[ALIAS].copy()
    try:
        all_taken.ensure_connection()
        with replicas.request_reads(replicas.RequestReads(bank.needed, lambda: True)):
            assert replicas.read(SEARCH, Transaction.objects.count) is not None
        assert bank.replica.repeated == 1
        assert bank.replica.why_out == ""
        bank.replica.probe()
        assert bank.replica.why_out == "", "probes have a connection of their own"
    finally:
        all_taken.close()
        all_taken.close_pool()
        bank.replica.close()
        del there["OPTIONS"]["pool"]


class SecuredBank(OwnBank):
    reached_by = {"LEDGER_ROW_SECURITY": "True"}


@pytest.fixture
def pair_of_a_site() -> Iterator[Pair]:
    with own_pair(bank=True) as found:
        yield found


@contextmanager
def site_of(pair: Pair, pool: str) -> Iterator[Site]:
    bank = SecuredBank(pair.data_dir)
    bank.settings |= {
        "DATABASE_REPLICA_URLS": "standby",
        "DB_POOL": pool,
        "LEDGER_ROW_SECURITY": "True",
    }
    del bank.settings["LEDGER_ROLE"]  # so that web processes set it, and have replicas
    site = Site(bank)
    try:
        yield site
    finally:
        site.stop()


def seconds_of_search(site: Site, person: Payer) -> tuple[int, float]:
    """Status of the page, and how long it took."""
    began = time.monotonic()
    there = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
    there.request("GET", "/search/?q=salary", headers={"Cookie": f"sessionid={person.cookie}"})
    answer = there.getresponse()
    answer.read()
    there.close()
    return answer.status, time.monotonic() - began


class Payments:
    """Payments, and how long each took. Their session is another than that of the searches, which
    would have to read its own writes.
    """

    def __init__(self, site: Site) -> None:
        accounts = accounts_of(site.bank)
        self.site = copy(site)
        self.site.cookie = site.sign_in()
        self.sender, self.number = accounts[0][0], accounts[1][1]
        self.seconds: list[float] = []
        self.receipts: list[str] = []

    def pay(self) -> None:
        began = time.monotonic()
        self.receipts.append(self.site.pay(self.sender, self.number, "1.00"))
        self.seconds.append(time.monotonic() - began)


def at_once(*functions: Callable[[], object]) -> None:
    threads = [threading.Thread(target=each) for each in functions]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


@pytest.mark.parametrize("pool", ["2", ""])
def test_while_a_replica_hangs_pages_wait_for_seconds_and_payments_go_on(
    pool: str, pair_of_a_site: Pair, figure: Callable[[str], None]
) -> None:
    """More searches at once than the pool has connections, each of another person."""
    with site_of(pair_of_a_site, pool) as site:
        payments, found = Payments(site), list[tuple[int, float]]()
        people = sign_in_people(site.bank, 6)

        def search(person: Payer) -> None:
            found.append(seconds_of_search(site, person))

        searches = [partial(search, person) for person in people]
        cents = iter(range(10, 100))

        def is_read_there() -> bool:
            """Whether no search finds a payment that the replica has not replayed."""
            pages, amount = list[str](), f"7.{next(cents)}"

            def look(person: Payer) -> None:
                pages.append(site.get(f"/search/?q={amount}", person.cookie))

            with replay_paused(pair_of_a_site.standby):
                for person in people:
                    (_, number), _ = person.accounts
                    assert payments.site.pay(payments.sender, number, amount)
                at_once(*[partial(look, person) for person in people])
            return all("Nothing found" in page for page in pages)

        wait_until(is_read_there)
        payments.pay()
        found.clear()
        payments.seconds.clear()
        with standing_still(sessions_and_postmaster(pair_of_a_site.standby)):
            at_once(*searches, payments.pay, payments.pay)
            at_once(*searches, payments.pay)
    taken = sorted(round(seconds, 1) for _, seconds in found)
    figure(f"pool {pool or 'none'}: searches {taken}, payments {payments.seconds}")
    assert {status for status, _ in found} == {200}
    assert 0.5 < max(taken) < NOTICED, "some of them met it"
    assert max(payments.seconds) < NOTICED
    assert set(payments.receipts) <= set(site.bank.transfers())
