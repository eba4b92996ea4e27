"""The content of `/metrics`: read from its text, or from the counters of this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from ledger.metrics.exposition import text_of

TOKEN = "0123456789abcdef" * 2
Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


def figures_in(text: str) -> Figures:
    """Returns every sample in a text, by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def figures_now() -> Figures:
    """Returns the current counts of this process."""
    return figures_in(text_of().decode())


def figure(figures: Figures, name: str, /, **labels: str) -> float | None:
    return figures.get((name, frozenset(labels.items())))


def scrape(client: Client, token: str = TOKEN) -> Any:
    """Requests /metrics like Prometheus: by IP address, with a token, without a session."""
    headers = {"Authorization": f"Bearer {token}", "Host": "10.0.0.7:8000"}
    return client.get("/metrics", headers=headers)


class Growth:
    """The growth of each count during a `with` block, without counts that did not grow."""

    def __init__(self) -> None:
        self.of: Figures = {}

    def __getitem__(self, name: str) -> dict[str, float]:
        """Returns the growth of a counter by the values of its labels. The values are joined by a
        space, in the order of the label names.
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
