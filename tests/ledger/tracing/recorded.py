"""Spans in memory, as trees."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.test import Client, override_settings

from ledger.settings import tracing
from ledger.tracing.spans import record_by

pytest.importorskip(
    "opentelemetry.exporter.otlp.proto.http", reason="needs the extra otel: make install-ci"
)

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import (
    InMemorySpanExporter,
)

from ledger.db.queries.traced import DatabaseSpans, trace_connections
from ledger.tracing.exporting import Exporting
from ledger.tracing.recorder import Recorder

# A span: its name, and the spans within it, in the order in which they began.
Tree = tuple[str, list[Any]]


class Recorded(Exporting):
    """What was recorded."""

    def __init__(self) -> None:
        self.memory = InMemorySpanExporter()
        super().__init__()

    def new_processor(self) -> SpanProcessor:
        return SimpleSpanProcessor(self.memory)

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        """All that have ended, in the order in which they began."""
        return sorted(self.memory.get_finished_spans(), key=lambda span: span.start_time or 0)

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]

    def facts(self, name: str, key: str) -> list[Any]:
        """What each span of this name says of it; None where it says nothing."""
        return [(span.attributes or {}).get(key) for span in self.named(name)]

    def trees(self) -> list[Tree]:
        """One for each trace that began here, or was continued from elsewhere."""
        ours = {_id(span) for span in self.spans}
        return [self._tree(span) for span in self.spans if _parent(span) not in ours]

    def _tree(self, top: ReadableSpan) -> Tree:
        within = [span for span in self.spans if _parent(span) == _id(top)]
        return top.name, [self._tree(span) for span in within]


def _id(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


def _parent(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent is not None else None


def outline(tree: Tree, depth: int = 0) -> str:
    """The tree as indented lines, without what signs in and keeps sessions."""
    name, within = tree
    return "\n".join(["  " * depth + name, *(outline(each, depth + 1) for each in within)])


@contextmanager
def recording() -> Iterator[Recorded]:
    """Within the block, everything is recorded; pages by clients that are made in it."""
    found = Recorded()
    recorder = Recorder(found)
    record_by(recorder)
    trace_connections(DatabaseSpans(recorder))
    try:
        with (
            override_settings(MIDDLEWARE=tracing.with_spans(settings.MIDDLEWARE)),
            patch.dict(os.environ),
        ):
            for name in [each for each in os.environ if each.startswith(tracing.PREFIX)]:
                del os.environ[name]
            yield found
    finally:
        trace_connections(None)
        record_by(None)
        found.end()


def browser_of(person: Any) -> Client:
    """A client whose site traces, signed in."""
    client = Client()
    client.force_login(person)
    return client
