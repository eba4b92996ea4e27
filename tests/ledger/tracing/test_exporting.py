"""Each process sends its own spans, and no request waits for the collector."""

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ledger.env import BASE_DIR
from ledger.web.json_lines import JsonLines
from tests.ledger.own_bank import OwnBank, own_bank
from tests.ledger.own_site import Site, accounts_of
from tests.ledger.processes import LONG, environment, free_port, wait_until
from tests.ledger.tracing.collector import Collector, collecting

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # isort: skip
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor  # isort: skip
from opentelemetry.sdk.trace.export import (  # isort: skip
    BatchSpanProcessor,
    SpanExporter,
    SpanExportResult,
)

from ledger.tracing.exporting import Exporting, limit_repeated_lines  # isort: skip

NEVER = "3600000"  # milliseconds between two sendings


@pytest.fixture(scope="module")
def bank() -> Iterator[OwnBank]:
    with own_bank() as found:
        yield found


def traced_to(url: str) -> dict[str, str]:
    return {"LEDGER_TRACING": "True", "OTEL_EXPORTER_OTLP_ENDPOINT": url}


def traced_site(bank: OwnBank, url: str, **variables: str) -> Site:
    bank.settings |= {**traced_to(url), "OTEL_BSP_SCHEDULE_DELAY": "100", **variables}
    return Site(bank)


def pay_on(site: Site, times: int = 1) -> list[str]:
    (sender, _), (_, number), *_ = accounts_of(site.bank)
    return [site.pay(sender, number, "1.00") for _ in range(times)]


def paid(collector: Collector) -> list[str]:
    return [span.name for span in collector.spans if span.name == "service transfer"]


def test_a_payment_on_a_site_of_gunicorn_arrives_as_one_trace_from_each_worker(
    bank: OwnBank,
) -> None:
    with collecting() as collector:
        site = traced_site(bank, collector.url)
        try:
            pids = set(site.workers())

            def all_have_sent() -> bool:
                pay_on(site)
                return {span.pid for span in collector.spans if span.parent == b""} >= pids

            wait_until(all_have_sent)
            wait_until(lambda: bool(paid(collector)))
        finally:
            site.stop()
    assert len(pids) == 2
    transfer = next(span for span in collector.spans if span.name == "service transfer")
    assert transfer.service == "ledger"
    assert {
        "POST /transfers/new/", "view transactions:transfer", "service transfer", "attempt",
        "INSERT transactions",
    } <= collector.names_of(transfer.trace)  # fmt: skip
    tops = [s for s in collector.spans if s.trace == transfer.trace and s.parent == b""]
    assert [top.name for top in tops] == ["POST /transfers/new/"]


def test_what_waits_is_sent_when_the_site_stops(bank: OwnBank) -> None:
    with collecting() as collector:
        site = traced_site(bank, collector.url, OTEL_BSP_SCHEDULE_DELAY=NEVER)
        try:
            receipts = pay_on(site, 3)
        finally:
            site.stop()
        assert len(receipts) == 3
        assert len(paid(collector)) == 3


def test_a_collector_that_is_away_costs_no_payment(bank: OwnBank) -> None:
    site = traced_site(bank, f"http://127.0.0.1:{free_port()}")
    try:
        assert all(pay_on(site, 5))
    finally:
        site.stop()
    assert site.process.returncode == 0


def test_a_collector_that_hangs_costs_no_payment(bank: OwnBank) -> None:
    """It answers nothing for ten minutes: no request waits for it, and stopping does not."""
    with collecting(hangs=True) as collector:
        site = traced_site(bank, collector.url, OTEL_EXPORTER_OTLP_TIMEOUT="600")
        try:
            pay_on(site)
            wait_until(lambda: collector.requests > 0)
            assert all(pay_on(site, 5))
        finally:
            site.stop()
        assert site.process.returncode == 0
        assert collector.spans == []


class Stuck(SpanExporter):
    """Hangs in its first sending."""

    def __init__(self) -> None:
        self.may_end = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.may_end.wait()
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        pass


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    found = Stuck()
    yield found
    found.may_end.set()


class StuckExporting(Exporting):
    def __init__(self, exporter: Stuck) -> None:
        self.exporter = exporter
        super().__init__()

    def new_processor(self) -> SpanProcessor:
        return BatchSpanProcessor(self.exporter, max_queue_size=10, max_export_batch_size=1)


def test_spans_above_the_queue_are_dropped_and_nobody_waits(
    stuck: Stuck, caplog: pytest.LogCaptureFixture
) -> None:
    exporting = StuckExporting(stuck)
    for _ in range(100):
        exporting.tracer().start_span("x").end()  # would wait for ever
    exporting.end()
    assert exporting._ending is not None
    assert exporting._ending.is_alive(), "the process would end while it is still sending"
    assert any("Queue full" in record.message for record in caplog.records)


class Broken(Exporting):
    def new_processor(self) -> SpanProcessor:
        raise ValueError("no exporter")


def test_where_no_exporter_can_be_made_nothing_is_traced_and_nothing_fails() -> None:
    span = Broken().tracer().start_span("x")
    assert not span.is_recording()


FORKS = """
import os, sys, django
django.setup()
from ledger.tracing import spans
with spans.begin("of the parent"):
    pass
child = os.fork()
with spans.begin("of the child" if child == 0 else "of the parent again"):
    pass
if child:
    os.waitpid(child, 0)
"""


def test_a_forked_process_sends_its_own_spans_when_it_ends_and_its_parent_the_others(
    tmp_path: Path,
) -> None:
    """Also where the parent has begun to trace: its thread and its queue are not the child's."""
    with collecting() as collector:
        variables = traced_to(collector.url) | {"OTEL_BSP_SCHEDULE_DELAY": NEVER}
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", FORKS],
            env=environment(tmp_path, DJANGO_SETTINGS_MODULE="ledger.settings", **variables),
            cwd=BASE_DIR, check=True, timeout=LONG,
        )  # fmt: skip
    assert sorted(span.name for span in collector.spans) == [
        "of the child", "of the parent", "of the parent again",
    ]  # fmt: skip
    senders = {span.name: span.pid for span in collector.spans}
    assert senders["of the parent"] == senders["of the parent again"] != senders["of the child"]


def test_a_job_of_a_command_arrives(bank: OwnBank) -> None:
    with collecting() as collector:
        bank.reached_by = traced_to(collector.url) | {"OTEL_BSP_SCHEDULE_DELAY": NEVER}
        bank.manage("expire_holds")
    assert [span.name for span in collector.spans if not span.parent] == ["job expire_holds"]


def test_a_collector_that_is_away_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """OpenTelemetry has lines for each try, and for each span that it drops."""
    before = {name: list(logging.getLogger(name).filters) for name in of_opentelemetry()}
    mine = [logging.getLogger(f"opentelemetry.{uuid4().hex}") for _ in range(2)]
    try:
        limit_repeated_lines()
        limit_repeated_lines()
        for each in mine * 3:
            each.warning("Transient error %s", "ConnectionError")
    finally:
        for name in of_opentelemetry():
            logging.getLogger(name).filters = before.get(name, [])
    names = [record.name for record in caplog.records if record.name in {it.name for it in mine}]
    assert names == [each.name for each in mine]


def test_the_line_in_json_has_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    exporter: Any = OTLPSpanExporter(endpoint=f"http://127.0.0.1:{free_port()}/")
    before = {name: list(logging.getLogger(name).filters) for name in of_opentelemetry()}
    sending = threading.Thread(target=exporter.export, args=[[]])
    try:
        limit_repeated_lines()
        sending.start()
        wait_until(lambda: bool(caplog.records))
    finally:
        exporter.shutdown()
        sending.join()
        for name, filters in before.items():
            logging.getLogger(name).filters = filters
    assert "ConnectionError" in json.loads(JsonLines().format(caplog.records[0]))["message"]


def of_opentelemetry() -> list[str]:
    return [name for name in logging.root.manager.loggerDict if name.startswith("opentelemetry")]
