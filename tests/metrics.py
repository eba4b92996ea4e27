"""What `/metrics` shows: read from its text, or from the counters of this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from ledger.metrics.exposition import text_of

TOKEN = "0123456789abcdef" * 2
Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


def figures_in(text: str) -> Figures:
    """Every sample, by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def figures_now() -> Figures:
    """What this process has counted."""
    return figures_in(text_of().decode())


def figure(figures: Figures, name: str, /, **labels: str) -> float | None:
    return figures.get((name, frozenset(labels.items())))


def scrape(client: Client, token: str = TOKEN) -> Any:
    """As Prometheus asks: by IP address, with a token, without a session."""
    headers = {"Authorization": f"Bearer {token}", "Host": "10.0.0.7:8000"}
    return client.get("/metrics", headers=headers)


class Growth:
    """By how much each count has grown in a block; only those that have."""

    def __init__(self) -> None:
        self.of: Figures = {}

    def __getitem__(self, name: str) -> dict[str, float]:
        """The growth of a counter, by the values of its labels with a space between, in the order
        of the names of its labels.
        """
        return {
            " ".join(value for _, value in sorted(labels)): many
            for (found, labels), many in self.of.items()
            if found == name
        }


@contextmanager
def growth() -> Iterator[Growth]:
    before, grown = figures_now(), Growth()
    yield grown
    after = figures_now()
    grown.of = {
        key: value - before.get(key, 0.0)
        for key, value in after.items()
        if value != before.get(key, 0.0)
    }
