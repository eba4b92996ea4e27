"""Requests at once, and SIGTERM in the middle of them; a short form of `tests.many_requests`."""

import pytest

from tests.ledger.own_bank import own_bank
from tests.many_requests import measure

CLIENTS, SECONDS = 20, 4


@pytest.mark.slow
def test_no_answer_is_an_error_and_sigterm_loses_no_request() -> None:
    with own_bank() as bank:
        counts = measure(bank, CLIENTS, SECONDS)

    assert counts.failures(most_growth=0.25) == []  # it has hardly warmed up
    assert counts.refused > 0  # clients sent until it was gone
    assert counts.answers["200"] > CLIENTS
    assert counts.receipts
