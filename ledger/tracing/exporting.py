"""Where spans go: OTLP over HTTP, as the standard OTEL_ variables say.

Note [Exporting and processes]: spans that have ended wait in a queue of the process, and a thread
sends them. No request waits for that: where the collector is slow or away, the queue fills up, and
the oldest spans are dropped. A thread does not survive a fork, and a connection to the collector
must not be shared. So each process makes its own provider with its first span, also one that
gunicorn has forked. When a process ends, it sends the rest, for SECONDS_TO_END at most.
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
TOLD_AGAIN = 3600.0  # seconds

logger = logging.getLogger(__name__)


class TellsOnce(logging.Filter):
    """Lets one line of a logger of OpenTelemetry through in an hour: they have some for each try to
    send, and for each span that they drop.
    """

    def __init__(self) -> None:
        super().__init__()
        self._quiet_until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        if now < self._quiet_until:
            return False
        self._quiet_until = now + TOLD_AGAIN
        record.msg, record.args = f"{record.getMessage()} (told once an hour)", ()
        return True


def tell_once() -> None:
    """Puts such a filter before each logger of OpenTelemetry: one before their parent would not see
    what they pass on.
    """
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("opentelemetry") and not _has_filter(logging.getLogger(name)):
            logging.getLogger(name).addFilter(TellsOnce())


def _has_filter(found: logging.Logger) -> bool:
    return any(isinstance(each, TellsOnce) for each in found.filters)


class Exporting:
    """The tracer of this process, made when it is first needed."""

    def __init__(self) -> None:
        self._forget()
        os.register_at_fork(after_in_child=self._forget)
        atexit.register(self.end)

    def _forget(self) -> None:
        """In a forked process: what the parent has is the parent's."""
        self._lock = threading.Lock()
        self._tracer: Tracer | None = None
        self._provider: TracerProvider | None = None
        self._may_end = threading.Event()
        self._ending: threading.Thread | None = None

    def tracer(self) -> Tracer:
        """Never raises: where spans cannot be sent, they are not recorded, and the log says why."""
        return self._tracer or self._made()

    def _made(self) -> Tracer:
        with self._lock:
            if self._tracer is None:
                try:
                    self._provider = new_provider(self.new_processor())
                    tell_once()
                    self._tracer = self._provider.get_tracer(SCOPE)
                    # Made here: no thread can be started while Python ends.
                    self._ending = threading.Thread(target=self._end_later, daemon=True)
                    self._ending.start()
                except Exception:
                    logger.exception("Nothing is traced in this process.")
                    self._tracer = NoOpTracer()
            return self._tracer

    def new_processor(self) -> SpanProcessor:
        return BatchSpanProcessor(OTLPSpanExporter())

    def end(self) -> None:
        """Sends what is left, for SECONDS_TO_END at most."""
        if self._ending is not None:
            self._may_end.set()
            self._ending.join(SECONDS_TO_END)

    def _end_later(self) -> None:
        self._may_end.wait()
        if self._provider is not None:
            self._provider.shutdown()


def new_provider(processor: SpanProcessor) -> TracerProvider:
    """With the sampler, the limits and the resource of the OTEL_ variables. Raises ValueError for
    one that is wrong.
    """
    resource = Resource.create({"process.pid": os.getpid()})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(processor)
    return provider


def check_variables() -> None:
    """Raises what is wrong with the OTEL_ variables. Begins no thread and sends nothing."""
    propagate.get_global_textmap()
    new_provider(SimpleSpanProcessor(OTLPSpanExporter())).shutdown()
