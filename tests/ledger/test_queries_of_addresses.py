"""Queries of addresses are decoded until nothing is left, however often they were encoded."""

from urllib.parse import quote, quote_plus

import pytest

from ledger.text.queries import ROUNDS, decodings_of


@pytest.mark.parametrize("times", [1, 2, ROUNDS, ROUNDS + 1, 2 * ROUNDS])
@pytest.mark.parametrize("encode", [quote, quote_plus])
def test_what_was_encoded_is_among_the_decodings(times: int, encode: type[str]) -> None:
    plain = query = "q=zo\u00eb+1@example.com"
    for _ in range(times):
        query = encode(query)
    assert plain in list(decodings_of(query))


def test_a_query_is_not_decoded_once_for_each_percent_sign() -> None:
    for query in (f"%{'25' * 900}41", f"{'%3' * 900}5"):
        found = list(decodings_of(query))
        assert len(found) <= ROUNDS + 1
        assert found[-1] in ("A", "5")


def test_a_query_that_is_not_encoded_has_no_decodings() -> None:
    assert list(decodings_of("q=100%&page=2")) == []
