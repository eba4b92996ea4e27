"""Reports of browsers about the content security policy become lines of the security log."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ledger.web import csp_report
from tests.security_events import Events, security_events

URL = "/csp-report/"
STATEMENT = "/accounts/0199c0de-0000-7000-8000-000000000000/?q=secret"
OLD = {
    "csp-report": {
        "effective-directive": "img-src",
        "blocked-uri": "https://evil.example:8443/x.png?token=secret",
        "document-uri": f"http://testserver{STATEMENT}",
        "script-sample": "secret",
    }
}
NEW = [
    {
        "type": "csp-violation",
        "body": {
            "effectiveDirective": "script-src-elem",
            "blockedURL": "inline",
            "documentURL": "http://testserver/transfers/new/",
        },
    }
]


@pytest.fixture(autouse=True)
def limit(monkeypatch: pytest.MonkeyPatch) -> csp_report.MinuteLimit:
    """The count of a process begins anew; its clock stands still."""
    limit = csp_report.MinuteLimit(csp_report.LINES_PER_MINUTE)
    monkeypatch.setattr(csp_report, "limit", limit)
    monkeypatch.setattr(csp_report, "monotonic", lambda: csp_report.MINUTE)
    return limit


@pytest.fixture
def events() -> Iterator[Events]:
    with security_events() as events:
        yield events


def report(client: Client, body: Any, kind: str = "application/csp-report") -> int:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(URL, content, content_type=kind).status_code


def facts(events: Events) -> list[tuple[str, str, str]]:
    found = events.named("csp.violated")
    return [(event["directive"], event["blocked"], event["page"]) for event in found]


@pytest.mark.parametrize(
    ("body", "fact"),
    [
        (OLD, ("img-src", "evil.example", "transactions:statement")),
        (NEW, ("script-src-elem", "inline", "transactions:transfer")),
    ],
)
def test_a_report_is_one_line_without_paths_and_queries(
    events: Events, body: Any, fact: tuple[str, ...]
) -> None:
    strict = Client(enforce_csrf_checks=True)  # a browser sends no token with a report

    assert report(strict, body) == 204
    assert facts(events) == [fact]
    assert "secret" not in str(events.lines)
    assert "0199c0de" not in str(events.lines)


@pytest.mark.django_db
def test_a_report_asks_no_database(client: Client, events: Events) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        report(client, OLD)

    assert len(facts(events)) == 1
    assert len(queries) == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"no json", 400),
        (b"\xff", 400),
        (b"[" * 9_000, 400),
        (b"x" * (csp_report.MAX_BYTES + 1), 413),
        ([], 204),
        ([[]], 204),
        ({"csp-report": "text"}, 204),
        ("text", 204),
        (None, 204),
    ],
)
def test_what_is_no_report_is_no_line(
    client: Client, events: Events, body: Any, status: int
) -> None:
    assert report(client, body) == status
    assert facts(events) == []


def test_odd_values_of_a_report_are_withheld_or_unknown(client: Client, events: Events) -> None:
    odd = {"effective-directive": "a b\n", "blocked-uri": 7, "document-uri": "http://["}

    report(client, {"csp-report": odd})

    assert facts(events) == [("withheld", "unknown", "unknown")]


def test_many_reports_are_a_few_lines(
    client: Client, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(client, NEW * 100)
    assert len(facts(events)) == csp_report.MAX_REPORTS

    for _ in range(5):
        report(client, NEW * 100)
    assert len(facts(events)) == csp_report.LINES_PER_MINUTE

    monkeypatch.setattr(csp_report, "monotonic", lambda: 2 * csp_report.MINUTE)
    report(client, NEW)
    assert len(facts(events)) == csp_report.LINES_PER_MINUTE + 1


def test_only_a_post_is_a_report(client: Client) -> None:
    assert client.get(URL).status_code == 405
