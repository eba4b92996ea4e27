"""gunicorn upgraded in place: USR2 starts a second one on the same socket, SIGTERM ends the first,
and no request is lost in between.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from ledger.embedded.removal import delete_everything
from tests.ledger.own_bank import OwnBank, copy_bank_into
from tests.ledger.own_site import GunicornSite, children_of, sign_in_people
from tests.ledger.processes import LONG, wait_until
from tests.many_requests import Counts, SendingClient

CLIENTS, ENOUGH = 8, 60


class ClientUntilTold(SendingClient):
    """Sends until it is told that it is over."""

    def __init__(self, is_over: threading.Event, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.is_over = is_over

    def get(self, path: str) -> bool:
        return not self.is_over.is_set() and super().get(path)


class SendingPeople:
    def __init__(self, site: GunicornSite) -> None:
        self.counts, self.is_over = Counts(), threading.Event()
        self.people = [
            ClientUntilTold(self.is_over, site, person, self.counts)
            for person in sign_in_people(site.bank, CLIENTS)
        ]
        for person in self.people:
            person.start()

    def wait_for_more(self) -> None:
        enough = self.counts.answers.total() + ENOUGH
        wait_until(lambda: self.counts.answers.total() >= enough)

    def stop(self) -> None:
        self.is_over.set()
        for person in self.people:
            person.join(LONG)


@pytest.fixture
def bank(folder: Path, settings: LazySettings) -> Iterator[OwnBank]:
    try:
        copy_bank_into(folder / "data")
        yield OwnBank(folder / "data")
    finally:
        delete_everything(folder / "data")


def upgraded(old: int) -> int:
    """The process id of the second gunicorn, which has workers of its own."""
    os.kill(old, signal.SIGUSR2)
    found = list[int]()

    def has_begun() -> bool:
        found[:] = [child for child in children_of(old) if children_of(child)]
        return bool(found)

    wait_until(has_begun)
    return found[0]


def test_the_second_serves_the_first_ends_and_no_request_is_lost(bank: OwnBank) -> None:
    site, new = GunicornSite(bank), 0
    sending = SendingPeople(site)
    try:
        sending.wait_for_more()
        new = upgraded(site.process.pid)
        sending.wait_for_more()  # of both
        site.process.terminate()
        assert site.process.wait(LONG) == 0
        sending.wait_for_more()  # of the second alone
    finally:
        sending.stop()
        site.stop()
        with suppress(ProcessLookupError):
            if new:
                os.kill(new, signal.SIGTERM)
    counts = sending.counts
    assert counts.lost == []
    assert counts.refused == 0
    assert not [status for status in counts.answers if status >= "500"]
    assert sorted(counts.receipts) == sorted(bank.transfers())
    wait_until(lambda: not site.listens())
