"""Lines of the log name the trace that they belong to."""

import io
import json
import logging

import pytest
from django.test import Client

from ledger.tracing import spans
from ledger.web.json_lines import JsonLines
from ledger.web.log_filters import WithoutValues
from tests.ledger.tracing.recorded import Recorded
from tests.security_events import security_events

pytestmark = pytest.mark.django_db


@pytest.fixture
def written() -> io.StringIO:
    """What the handlers of a test wrote."""
    return io.StringIO()


def told_by(
    written: io.StringIO, name: str, formatter: logging.Formatter | None = None
) -> logging.Handler:
    handler = logging.StreamHandler(written)
    handler.setFormatter(formatter or WithoutValues("%(message)s"))
    logging.getLogger(name).addHandler(handler)
    return handler


def test_a_line_within_a_trace_has_its_id_and_others_have_none(
    traced: Recorded, written: io.StringIO
) -> None:
    logger = logging.getLogger("ledger.test")
    handler = told_by(written, logger.name)
    try:
        logger.error("before")
        with spans.begin("test"):
            logger.error("within", exc_info=KeyError("x"))
    finally:
        logger.removeHandler(handler)
    first, second, *rest = written.getvalue().splitlines()
    (span,) = traced.spans
    assert span.context is not None
    assert first == "before"
    assert second == f"within trace_id={span.context.trace_id:032x}"
    assert rest == ["KeyError: 'x'"]


def test_a_line_of_json_has_the_ids_of_trace_and_span(
    traced: Recorded, written: io.StringIO
) -> None:
    logger = logging.getLogger("ledger.test")
    handler = told_by(written, logger.name, JsonLines())
    try:
        logger.error("before")
        with spans.begin("test"):
            logger.error("within")
    finally:
        logger.removeHandler(handler)
    first, second = map(json.loads, written.getvalue().splitlines())
    (span,) = traced.spans
    assert span.context is not None
    assert "trace_id" not in first
    assert second["trace_id"] == f"{span.context.trace_id:032x}"
    assert second["span_id"] == f"{span.context.span_id:016x}"


def test_the_line_that_django_writes_after_a_request_has_it_too(
    traced: Recorded, written: io.StringIO
) -> None:
    handler = told_by(written, "django.request")
    try:
        Client().get("/transfers/new/", headers={"host": "evil.example"})
        Client(raise_request_exception=False).post("/transfers/new/")
        Client().delete("/account/login/")
    finally:
        logging.getLogger("django.request").removeHandler(handler)
    lines = written.getvalue().splitlines()
    assert lines
    assert [line for line in lines if "trace_id=" not in line] == []


def test_a_line_of_the_security_log_has_it(traced: Recorded) -> None:
    with security_events() as events:
        Client().post("/account/login/", {"login": "a@example.com", "password": "wrong"})
    assert events.all()
    traces = {f"{span.context.trace_id:032x}" for span in traced.spans if span.context}
    assert {event.get("trace_id") for event in events.all()} <= traces
