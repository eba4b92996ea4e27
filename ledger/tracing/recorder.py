"""Records tracing spans with OpenTelemetry's API. Imported only if tracing is on.

Note [Only our spans]: the provider is not OpenTelemetry's global provider. Other packages, such as
AWS's driver, also create spans, and nobody has checked what these spans contain. Without a global
provider, the spans of other packages are not sent. Only the class of an exception is recorded,
because the message may contain values.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from opentelemetry import context, propagate, trace
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import SpanKind, StatusCode

from ledger.tracing.exporting import Exporting
from ledger.tracing.spans import NO_FACTS, NOTHING_OPEN, Expected, Facts, Span


class Recorder:
    """A factory of spans for this process and for its forked processes."""

    def __init__(self, exporting: Exporting) -> None:
        self._exporting = exporting

    def begin(
        self, name: str, facts: Facts, headers: Mapping[str, Any] | None
    ) -> AbstractContextManager[Span]:
        """Begins a trace: see `ledger.tracing.spans.begin`. A trace that the sampler does not
        record is also opened, so that code inside the trace does not begin another trace.
        """
        parent, kind = None, SpanKind.INTERNAL
        if headers is not None:
            parent = propagate.extract(headers, context.Context(), getter=_FROM_META)
            kind = SpanKind.SERVER
        tracer = self._exporting.tracer()
        return OpenSpan(tracer.start_span(name, parent, kind, facts), ())

    def span(
        self, name: str, facts: Facts, expects: Expected, *, is_client: bool = False
    ) -> AbstractContextManager[Span]:
        """Opens a span: see `ledger.tracing.spans.span`. `is_client` is true if the span waits for
        another system.
        """
        if not trace.get_current_span().is_recording():
            return NOTHING_OPEN
        kind = SpanKind.CLIENT if is_client else SpanKind.INTERNAL
        tracer = self._exporting.tracer()
        return OpenSpan(tracer.start_span(name, None, kind, facts), expects)

    def is_recording(self) -> bool:
        return trace.get_current_span().is_recording()

    def ids(self) -> dict[str, str]:
        found = trace.get_current_span().get_span_context()
        if not found.is_valid:
            return {}
        return {
            "trace_id": trace.format_trace_id(found.trace_id),
            "span_id": trace.format_span_id(found.span_id),
        }


class OpenSpan(AbstractContextManager[Span]):
    """A context manager for an OpenTelemetry span, which is the current span inside the block."""

    __slots__ = ("_expects", "_span", "_token")

    def __init__(self, span: trace.Span, expects: Expected) -> None:
        self._span, self._expects = span, expects

    def __enter__(self) -> Span:
        self._token = context.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if kind is not None and not isinstance(error, self._expects):
            self.fail(kind.__name__)
        context.detach(self._token)
        self._span.end()

    @property
    def is_recorded(self) -> bool:
        return self._span.is_recording()

    def note(self, facts: Facts) -> None:
        self._span.set_attributes(facts)

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def fail(self, kind: str, facts: Facts = NO_FACTS) -> None:
        self._span.set_status(StatusCode.ERROR)
        self._span.set_attributes({"error.type": kind, **facts})


class _FromMeta(Getter[Mapping[str, Any]]):
    """A reader of request headers for OpenTelemetry. The headers have WSGI's names, as in
    `request.META`.
    """

    def get(self, carrier: Mapping[str, Any], key: str) -> list[str] | None:
        value = carrier.get(f"HTTP_{key.upper().replace('-', '_')}")
        return None if value is None else [str(value)]

    def keys(self, carrier: Mapping[str, Any]) -> list[str]:
        names: Iterable[str] = carrier
        return [name[5:].replace("_", "-").lower() for name in names if name[:5] == "HTTP_"]


_FROM_META = _FromMeta()
