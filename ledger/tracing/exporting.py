"""Sends tracing spans with OTLP over HTTP. The standard OTEL_ environment variables contain the
configuration.

Note [Exporting and processes]: ended spans wait in a queue of the process until a thread sends
them, so requests do not wait. If the collector is slow or does not answer, the oldest spans are
dropped. A thread does not survive a fork, and two processes must not use one connection to the
collector. Therefore each process creates a provider with its first span. When a process ends, it
sends the remaining spans for at most SECONDS_TO_END.
"""

import atexit
import logging
import os
import threading
import time

from opentelemetry import propagate
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.trace import NoOpTracer, Tracer

SECONDS_TO_END = 2.0
SCOPE = "ledger"
REPEAT_AFTER = 3600.0  # seconds between two log lines of the same logger

logger = logging.getLogger(__name__)


class OncePerHour(logging.Filter):
    """A filter that allows one log line per hour. OpenTelemetry logs a line for each attempt to
    send and for each dropped span. The filter does not change the text of the line, because
    JsonLines withholds a text that is not in the source code.
    """

    def __init__(self) -> None:
        super().__init__()
        self._quiet_until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        if now < self._quiet_until:
            return False
        self._quiet_until = now + REPEAT_AFTER
        return True


def limit_repeated_lines() -> None:
    """Adds a OncePerHour filter to each logger of OpenTelemetry. A parent logger's filter does not
    see the records of child loggers.
    """
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("opentelemetry") and not _has_filter(logging.getLogger(name)):
            logging.getLogger(name).addFilter(OncePerHour())


def _has_filter(found: logging.Logger) -> bool:
    return any(isinstance(each, OncePerHour) for each in found.filters)


class Exporting:
    """A container for the tracer of this process. The tracer is created when it is first used."""

    def __init__(self) -> None:
        self._forget()
        os.register_at_fork(after_in_child=self._forget)
        atexit.register(self.end)

    def _forget(self) -> None:
        """Resets the state, at the start and after a fork. A child process must not use the
        parent's objects.
        """
        self._lock = threading.Lock()
        self._tracer: Tracer | None = None
        self._provider: TracerProvider | None = None
        self._may_end = threading.Event()
        self._ending: threading.Thread | None = None

    def tracer(self) -> Tracer:
        """Returns the tracer. If spans cannot be sent, logs the reason and returns a tracer that
        records nothing.
        """
        return self._tracer or self._made()

    def _made(self) -> Tracer:
        with self._lock:
            if self._tracer is None:
                try:
                    self._provider = new_provider(self.new_processor())
                    limit_repeated_lines()
                    self._tracer = self._provider.get_tracer(SCOPE)
                    # The thread starts here, because no thread can be started while Python ends.
                    self._ending = threading.Thread(target=self._end_later, daemon=True)
                    self._ending.start()
                except Exception:
                    logger.exception("Nothing is traced in this process.")
                    self._tracer = NoOpTracer()
            return self._tracer

    def new_processor(self) -> SpanProcessor:
        return BatchSpanProcessor(OTLPSpanExporter())

    def end(self) -> None:
        """Sends the remaining spans, and waits for at most SECONDS_TO_END."""
        if self._ending is not None:
            self._may_end.set()
            self._ending.join(SECONDS_TO_END)

    def _end_later(self) -> None:
        self._may_end.wait()
        if self._provider is not None:
            self._provider.shutdown()


def new_provider(processor: SpanProcessor) -> TracerProvider:
    """Returns a provider that is configured by the OTEL_ variables. `processor` sends the spans.

    Raises ValueError if a variable is wrong.
    """
    resource = Resource.create({"process.pid": os.getpid()})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(processor)
    return provider


def check_variables() -> None:
    """Raises an exception if an OTEL_ variable is wrong. Starts no thread and sends nothing."""
    propagate.get_global_textmap()
    new_provider(SimpleSpanProcessor(OTLPSpanExporter())).shutdown()
