"""Requests at once, and SIGTERM in the middle of them; a short form of `tests.many_requests`."""

from tests.ledger.own_bank import own_bank
from tests.many_requests import Counts, measure

CLIENTS, SECONDS = 20, 4


def test_no_answer_is_an_error_and_sigterm_loses_no_request() -> None:
    with own_bank() as bank:
        counts = measure(bank, CLIENTS, SECONDS)

    assert counts.failures(most_growth=0.25) == []  # it has hardly warmed up
    assert counts.refused > 0  # clients sent until it was gone
    assert counts.answers["200"] > CLIENTS
    assert counts.receipts
    assert counts.figures["booked"] > 0
    assert counts.figures["2xx"] > CLIENTS


def test_figures_that_differ_from_what_the_clients_counted_are_a_failure() -> None:
    counts = Counts(memory=[[1.0]] * 8, audit="clean")
    assert counts.failures(most_growth=0) == []
    counts.at_pause["2xx"] = 1
    (sentence,) = counts.failures(most_growth=0)
    assert "/metrics" in sentence
