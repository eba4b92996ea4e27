"""Which metrics there are, and which ones an expression of Prometheus names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from accounts import refusal_counts
from ledger.db import counts as database_counts
from ledger.metrics import processes
from ledger.metrics.kinds import registry
from ledger.monitoring import page
from ledger.web import request_counts, security_counts, waiting
from transactions.posting import counts as payment_counts

COUNTING = (
    database_counts,
    payment_counts,
    refusal_counts,
    request_counts,
    security_counts,
    waiting,
)  # once imported

# Added by Prometheus itself, or made by an aggregation.
ADDED = {"instance", "job", "le"}
OWN = {"up": {"job", "instance"}}
SELECTOR = re.compile(r"\b(up|(?:ledger|process)_\w+)\b(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
GROUPING = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",)}


@dataclass(frozen=True)
class Selected:
    """A metric of an expression, with the values that it asks of labels: label, sign, value."""

    name: str
    matchers: list[tuple[str, str, str]] = field(default_factory=list)


def known_metrics() -> dict[str, set[str]]:
    """The labels of every metric of `/metrics`, by its name. Asks the database."""
    found, seconds = page._poller.answers()
    assert set(found) == set(page.QUESTIONS)
    asked: list[Any] = [*processes.families(), *page._families(found, seconds)]
    counted: list[Any] = list(registry._collector_to_names)
    known = {name: set(OWN[name]) for name in OWN}
    for each in asked:
        for suffix in SUFFIXES.get(each.type, ("",)):
            known[each.name + suffix] = set(each._labelnames)
    for each in counted:
        for suffix in SUFFIXES.get(each._type, ("",)):
            known[each._name + suffix] = set(each._labelnames)
    return known


def selected_in(expression: str) -> Iterator[Selected]:
    """Every metric that the expression reads."""
    without_groups = GROUPING.sub("", expression)
    for name, matchers in SELECTOR.findall(without_groups):
        yield Selected(name, MATCHER.findall(matchers))


def wrong_in(expression: str, known: dict[str, set[str]]) -> Iterator[str]:
    """What the expression names that is not there."""
    found = list(selected_in(expression))
    if not found:
        yield "it reads no metric"
    for each in found:
        if each.name not in known:
            yield f"there is no {each.name}"
            continue
        for label, _, _ in each.matchers:
            if label not in known[each.name] | ADDED:
                yield f"{each.name} has no label {label}"
    there = set().union(*(known.get(each.name, set()) for each in found)) | ADDED
    for group in GROUPING.findall(expression):
        for label in filter(None, re.split(r"[,\s]+", group)):
            if label not in there:
                yield f"no metric of it has the label {label}"
