"""Durations, sizes and shares in few characters."""

import pytest

from ledger.text.measures import milliseconds, percent, size, span


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0.0 s"), (0.44, "0.4 s"), (12.4, "12 s"), (1000, "16 min"), (12_000, "3 h 20 min"),
     (3600, "1 h"), (100_000, "27 h"), (500_000, "5 days")],
)  # fmt: skip
def test_spans(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.0421, "0.042 ms"), (4.21, "4.2 ms"), (421.3, "421 ms"), (12_345, "12 s")],
)
def test_milliseconds(number: float, text: str) -> None:
    assert milliseconds(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (812, "812 B"), (4300, "4.2 kB"), (440_000_000, "420 MB"), (1e15, "909 TB")],
)
def test_sizes(number: float, text: str) -> None:
    assert size(number) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (0.0001, "under 0.1 %"), (0.004, "0.4 %"), (0.12, "12 %"), (12, "1,200 %")],
)
def test_shares(share: float, text: str) -> None:
    assert percent(share) == text
