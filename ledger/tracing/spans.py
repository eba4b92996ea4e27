"""The door to spans. Where tracing is off, each call ends at one `if`, and nothing is imported."""

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

Facts = Mapping[str, str | int | bool]
Expected = tuple[type[BaseException], ...]
NO_FACTS: Facts = {}


class Span(Protocol):
    """A span that is open. `is_recorded` is False if nobody will see it."""

    @property
    def is_recorded(self) -> bool: ...

    def note(self, facts: Facts) -> None:
        """Adds facts."""

    def rename(self, name: str) -> None: ...

    def fail(self, kind: str, facts: Facts = NO_FACTS) -> None:
        """Marks it as failed. `kind` is the class of an error or the like, never its message."""


class SpanMaker(Protocol):
    """What makes spans: see `ledger.tracing.recorder`."""

    def begin(
        self, name: str, facts: Facts, headers: Mapping[str, Any] | None
    ) -> AbstractContextManager[Span]: ...

    def span(
        self, name: str, facts: Facts, expects: Expected, *, is_client: bool = False
    ) -> AbstractContextManager[Span]: ...

    def is_recording(self) -> bool: ...

    def ids(self) -> dict[str, str]: ...


class Nothing:
    """The span of a process without tracing, or outside a trace."""

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
    """Begins a trace, or continues the one that `headers`, as in `request.META`, tell of."""
    recorder = _Current.recorder
    return NOTHING_OPEN if recorder is None else recorder.begin(name, facts, headers)


def span(
    name: str, facts: Facts = NO_FACTS, *, expects: Expected = ()
) -> AbstractContextManager[Span]:
    """A span within the trace that is being recorded; nothing outside one. An exception that leaves
    the block marks it as failed, by its class, unless it is one of `expects`.
    """
    recorder = _Current.recorder
    return NOTHING_OPEN if recorder is None else recorder.span(name, facts, expects)


def is_recording() -> bool:
    """Whether a trace is being recorded here and now."""
    recorder = _Current.recorder
    return recorder is not None and recorder.is_recording()


def ids() -> dict[str, str]:
    """`trace_id` and `span_id` of here and now, for lines of logs; nothing outside a trace."""
    recorder = _Current.recorder
    return {} if recorder is None else recorder.ids()


def ids_of(record: logging.LogRecord) -> dict[str, str]:
    """The same for a line of the log: Django writes some about a request after its span ended."""
    return ids() or getattr(getattr(record, "request", None), "trace_ids", {})


def record_by(recorder: SpanMaker | None) -> None:
    """Records spans from now on; None for no more."""
    _Current.recorder = recorder
