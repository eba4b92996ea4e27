"""Requests at once, and SIGTERM in the middle of them; a short form of `tests.many_requests`."""

from pathlib import Path

import pytest
from django.conf import LazySettings

from ledger.db.removal import delete_everything
from tests.ledger.own_bank import OwnBank
from tests.many_requests import measure

CLIENTS, SECONDS = 20, 4


@pytest.mark.slow
def test_no_answer_is_an_error_and_sigterm_loses_no_request(
    folder: Path, settings: LazySettings
) -> None:
    bank = OwnBank(folder / "data", settings.LEDGER_PG)
    try:
        counts = measure(bank, CLIENTS, SECONDS)
    finally:
        delete_everything(folder / "data")

    assert counts.failures(most_growth=0.25) == []  # it has hardly warmed up
    assert counts.refused > 0  # clients sent until it was gone
    assert counts.answers["200"] > CLIENTS
    assert counts.receipts
