"""`/metrics` tells how far each replica is behind, whether it is used, and why it is not."""

import time
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from ledger.db.replicas import known
from ledger.monitoring import page, standbys
from ledger.monitoring.polling import Poller
from tests.ledger.db.replicas.bank import ALIAS, BankWithReplica
from tests.ledger.db.replicas.people import Saver
from tests.ledger.processes import wait_until
from tests.metrics import TOKEN, Figures, figure, figures_in, growth, scrape


@pytest.fixture(autouse=True)
def asking(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.LEDGER_METRICS_TOKEN = [TOKEN]
    monkeypatch.setattr(page, "_poller", Poller(page.QUESTIONS))


def scraped() -> Figures:
    return figures_in(scrape(Client()).content.decode())


def of_replica(name: str, **labels: str) -> float | None:
    return figure(scraped(), f"ledger_replica_{name}", replica=ALIAS, **labels)


def reasons() -> set[str]:
    """Why the replica is left out, as `/metrics` says it."""
    return {
        dict(labels)["reason"] for (name, labels) in scraped() if name == "ledger_replica_left_out"
    }


def test_one_that_has_replayed_everything_is_used_and_not_behind(bank: BankWithReplica) -> None:

    def has_replayed() -> bool:
        bank.catch_up()
        return of_replica("lag_bytes") == 0

    wait_until(has_replayed)
    assert of_replica("used") == 1
    assert of_replica("lag_seconds") == 0
    assert reasons() == set()


def test_one_that_replays_nothing_is_behind_by_what_was_written(bank: BankWithReplica) -> None:
    ana = Saver(bank)
    with bank.paused():
        ana.pay_in("bonus")
        bank.probe()
        assert (of_replica("lag_bytes") or 0) > 100
        first = of_replica("lag_seconds") or 0
        bank.probe()
        assert (of_replica("lag_seconds") or 0) > first > 0
        assert of_replica("used") == 1


def test_one_that_is_too_far_behind_is_left_out_with_its_lag(
    bank: BankWithReplica, settings: LazySettings
) -> None:
    settings.DATABASE_REPLICA_MAX_LAG = -1
    bank.replica.probe()
    assert of_replica("used") == 0
    assert reasons() == {"too_far_behind"}
    assert of_replica("lag_bytes") is not None


@pytest.mark.parametrize("why", standbys.REASONS)
def test_each_reason_has_its_name(bank: BankWithReplica, why: str) -> None:
    bank.replica.leave_out(why)
    assert reasons() == {standbys.REASONS[why]}


def test_an_error_is_one_reason_whatever_it_says(bank: BankWithReplica) -> None:
    bank.pair.standby.kill()
    try:
        bank.replica.probe()
        assert of_replica("used") == 0
        assert reasons() == {"error"}
        assert of_replica("lag_bytes") is None
    finally:
        bank.pair.follow()
    bank.catch_up()
    assert of_replica("used") == 1


def test_one_that_has_not_answered_for_a_while_is_not_used(
    bank: BankWithReplica, monkeypatch: pytest.MonkeyPatch
) -> None:
    now: Any = time.monotonic
    bank.probe()
    monkeypatch.setattr("ledger.monitoring.standbys.time.monotonic", lambda: now() + known.STALE)
    assert reasons() == {"no_answer"}


def test_reads_are_counted_and_those_that_the_writer_repeated(bank: BankWithReplica) -> None:
    browser = Saver(bank).browser()
    with growth() as grown:
        browser.get("/search/?q=salary")
    assert set(grown["ledger_replica_reads_total"]) == {ALIAS}
    assert grown["ledger_replica_repeated_reads_total"] == {}
    bank.pair.standby.kill()
    try:
        with growth() as grown:
            browser.get("/search/?q=salary")
        assert grown["ledger_replica_repeated_reads_total"] == {ALIAS: 1}
    finally:
        bank.pair.follow()
    bank.catch_up()
