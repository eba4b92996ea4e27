"""Requests that waited for a thread: measured, in the log, and refused above five seconds."""

from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from ledger.web import waiting
from ledger.web.kept_forms import PLAIN
from tests.ledger.logs.json_log import json_log
from tests.metrics import TOKEN, growth, scrape
from tests.pages import hidden_fields

pytestmark = pytest.mark.django_db
API = "/api/v1/accounts/"
NOW = 1_764_338_400.0
SECONDS, NOT_BEGUN = "ledger_http_wait_seconds_sum", "ledger_http_not_begun_total"
# Of an nginx whose clock differs, of other proxies, and of clients.
NO_START = (
    "t=0.000", "t=1764348400.000", "t=17643383900.000", "1764338390.000", "t=now", "t=1764338390",
    "t=NaN", "",
)  # fmt: skip


@pytest.fixture(autouse=True)
def behind_proxy(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.LEDGER_BEHIND_PROXY = True
    clock = SimpleNamespace(time=lambda: NOW, monotonic=lambda: NOW)
    monkeypatch.setattr("ledger.web.waiting.time", clock)


def get(path: str, ago: float, method: str = "GET") -> Any:
    start = f"t={NOW - ago:.3f}"
    return Client().generic(method, path, headers={"X-Request-Start": start})


def test_the_wait_is_measured_and_in_the_log() -> None:
    with growth() as grown, json_log() as log:
        assert get("/account/login/", 2).status_code == 200
    assert grown[SECONDS] == {"": 2}
    (line,) = log.of("ledger.requests")
    assert line["waited_ms"] == 2000


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_waited_too_long_is_not_begun(
    method: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with growth() as grown, django_assert_num_queries(0):
        page, problem = get("/account/login/", 6, method), get(API, 6, method)
    assert (page.status_code, problem.status_code) == (503, 503)
    assert problem.json()["type"].endswith("#too-busy")
    assert int(page.headers["Retry-After"]) == int(problem.headers["Retry-After"]) > 0
    assert grown[NOT_BEGUN] == {"": 2}


@pytest.mark.parametrize(
    ("path", "form", "kept", "action"),
    [
        ("/transfers/new/", {"id": "1", "description": '"<b>'}, True, 'method="post"'),
        ("/transfers/new/", {"id": "1", "step": "review"}, True, 'method="post"'),
        ("/account/login/", {"login": "ana", "password": "x"}, False, 'href="/account/login/?a=1"'),
        ("/contacts/add/", {"name": "Ben"}, False, 'href="/"'),
    ],
)
def test_the_form_is_kept_or_the_page_leads_back(
    path: str, form: dict[str, str], kept: bool, action: str,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    start = f"t={NOW - 6:.3f}"
    with django_assert_num_queries(0):
        answer = Client().post(
            f"{path}?a=1", urlencode(form), PLAIN, headers={"X-Request-Start": start}
        )
    page = answer.content.decode()
    assert hidden_fields(page) == (form if kept else {})
    assert action in page
    assert not kept or f'action="{path}?a=1"' in page


@pytest.mark.parametrize(("seconds", "status"), [(4, 200), (6, 503)])
def test_a_wait_for_a_restart_does_not_count(
    seconds: int, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(waiting._began, "at", NOW - seconds)
    with growth() as grown:
        assert get("/account/login/", 9).status_code == status
    assert grown[SECONDS] == {"": 9}


def test_probes_figures_and_static_files_are_answered(client: Client, settings: Any) -> None:
    settings.LEDGER_METRICS_TOKEN = [TOKEN]
    for path in ("/healthz", "/static/ledger.css"):
        answer = get(path, 6)
        answer.getvalue()  # so that a file is closed
        assert answer.status_code == 200
    client.defaults["HTTP_X_REQUEST_START"] = f"t={NOW - 6:.3f}"
    assert scrape(client).status_code == 200


@pytest.mark.parametrize("start", NO_START)
def test_what_no_proxy_of_ours_writes_is_no_wait(start: str) -> None:
    with growth() as grown:
        answer = Client().get("/account/login/", headers={"X-Request-Start": start})
    assert answer.status_code == 200
    assert grown[SECONDS] == {}


def test_without_a_proxy_clients_cannot_say_when_they_began(settings: Any) -> None:
    settings.LEDGER_BEHIND_PROXY = False
    assert get("/account/login/", 6).status_code == 200


def test_a_clock_that_is_a_little_behind_is_no_wait() -> None:
    with growth() as grown:
        assert get("/account/login/", -0.5).status_code == 200
    assert grown["ledger_http_wait_seconds_count"] == {"": 1}
