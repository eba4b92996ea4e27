"""The interface for tracing spans. With tracing off, a call costs one `if` and imports no tracing
library.
"""

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

Facts = Mapping[str, str | int | bool]
Expected = tuple[type[BaseException], ...]
NO_FACTS: Facts = {}


class Span(Protocol):
    """An open span of a trace. `is_recorded` is whether the span will be sent."""

    @property
    def is_recorded(self) -> bool: ...

    def note(self, facts: Facts) -> None:
        """Adds attributes to the span."""

    def rename(self, name: str) -> None: ...

    def fail(self, kind: str, facts: Facts = NO_FACTS) -> None:
        """Marks the span as failed. `kind` is the name of the exception class, never the
        message.
        """


class SpanMaker(Protocol):
    """The interface of an object that creates spans: see `ledger.tracing.recorder`."""

    def begin(
        self, name: str, facts: Facts, headers: Mapping[str, Any] | None
    ) -> AbstractContextManager[Span]: ...

    def span(
        self, name: str, facts: Facts, expects: Expected, *, is_client: bool = False
    ) -> AbstractContextManager[Span]: ...

    def is_recording(self) -> bool: ...

    def ids(self) -> dict[str, str]: ...


class Nothing:
    """A span that does nothing, for use outside a trace and with tracing off."""

    is_recorded = False

    def note(self, facts: Facts) -> None:
        pass

    def rename(self, name: str) -> None:
        pass

    def fail(self, kind: str, facts: Facts = NO_FACTS) -> None:
        pass


class _NothingOpen(AbstractContextManager[Span]):
    def __enter__(self) -> Span:
        return NOTHING

    def __exit__(self, *_error: object) -> None:
        pass


NOTHING = Nothing()
NOTHING_OPEN = _NothingOpen()


class _Current:
    recorder: SpanMaker | None = None


def begin(
    name: str, facts: Facts = NO_FACTS, *, headers: Mapping[str, Any] | None = None
) -> AbstractContextManager[Span]:
    """Begins a trace or continues the trace in `headers`, which has the form of `request.META`.
    Returns a context manager for the first span.
    """
    recorder = _Current.recorder
    return NOTHING_OPEN if recorder is None else recorder.begin(name, facts, headers)


def span(
    name: str, facts: Facts = NO_FACTS, *, expects: Expected = ()
) -> AbstractContextManager[Span]:
    """Opens a span in the current trace, as a context manager. Does nothing outside a recorded
    trace.

    An exception that leaves the block marks the span as failed, unless its class is in `expects`.
    """
    recorder = _Current.recorder
    return NOTHING_OPEN if recorder is None else recorder.span(name, facts, expects)


def is_recording() -> bool:
    """Returns whether a trace is being recorded now."""
    recorder = _Current.recorder
    return recorder is not None and recorder.is_recording()


def ids() -> dict[str, str]:
    """Returns `trace_id` and `span_id` of the current span, for log lines. Returns {} outside a
    trace.
    """
    recorder = _Current.recorder
    return {} if recorder is None else recorder.ids()


def ids_of(record: logging.LogRecord) -> dict[str, str]:
    """Returns `trace_id` and `span_id` for a log record. After the end of the span, returns the ids
    of the record's request, because Django writes some log lines later.
    """
    return ids() or getattr(getattr(record, "request", None), "trace_ids", {})


def record_by(recorder: SpanMaker | None) -> None:
    """Sets the object that records spans. None switches tracing off."""
    _Current.recorder = recorder
