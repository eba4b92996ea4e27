"""Metrics that features read from the database for `/metrics`."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
from prometheus_client.core import Metric

QUESTIONS: dict[str, Callable[[psycopg.Connection[Any]], Any]] = {}
FAMILIES: dict[str, Callable[[Any], Iterator[Metric]]] = {}


def register(
    name: str,
    question: Callable[[psycopg.Connection[Any]], Any],
    families: Callable[[Any], Iterator[Metric]],
) -> None:
    """Registers metrics. Call this in the module `figures` of an app. `question` reads the values
    in a read-only transaction, and `families` makes the metrics from these values.
    """
    QUESTIONS[name], FAMILIES[name] = question, families
