"""A collector of traces on this computer: OTLP over HTTP, read by OpenTelemetry's own messages."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytest.importorskip("opentelemetry.proto", reason="needs the extra otel: make install-ci")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class Received:
    """A span as it came: `service` and `pid` are of the process that sent it."""

    service: str
    pid: int
    trace: bytes
    id: bytes
    parent: bytes
    name: str


class Collector:
    """With `hangs`, it takes what comes and never answers."""

    def __init__(self, *, hangs: bool = False) -> None:
        self.spans: list[Received] = []
        self.requests = 0
        self._may_answer = threading.Event()
        if not hangs:
            self._may_answer.set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.requests += 1
                collector._may_answer.wait()
                collector.take(body)
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def take(self, body: bytes) -> None:
        for of_process in ExportTraceServiceRequest.FromString(body).resource_spans:
            facts = {each.key: each.value for each in of_process.resource.attributes}
            sender = (facts["service.name"].string_value, facts["process.pid"].int_value)
            for scope in of_process.scope_spans:
                self.spans += [
                    Received(*sender, each.trace_id, each.span_id, each.parent_span_id, each.name)
                    for each in scope.spans
                ]

    def names_of(self, trace: bytes) -> set[str]:
        return {span.name for span in self.spans if span.trace == trace}


@contextmanager
def collecting(*, hangs: bool = False) -> Iterator[Collector]:
    found = Collector(hangs=hangs)
    thread = threading.Thread(target=found.server.serve_forever, args=[0.05])
    thread.start()
    try:
        yield found
    finally:
        found._may_answer.set()
        found.server.shutdown()
        thread.join()
        found.server.server_close()
