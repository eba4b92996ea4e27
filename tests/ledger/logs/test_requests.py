"""Each request has an id, one line when it is answered, and its facts on all of its lines."""

import logging
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path

from tests.api.calls import bearer
from tests.conftest import signed_in
from tests.factories import PASSWORD, AccountFactory, UserFactory
from tests.ledger.logs.json_log import json_log
from tests.pages import text_of

pytestmark = pytest.mark.django_db
logger = logging.getLogger("ledger.tests")
AT_ONCE = 4
MEETING = Barrier(AT_ONCE)
OURS = "f0d9ad470bdf4774ad94c30157253a32"


@login_not_required
def speaks(request: HttpRequest, who: str) -> HttpResponse:
    logger.warning("One line of the view")
    return HttpResponse(who)


@login_not_required
def meets(request: HttpRequest, who: str) -> HttpResponse:
    MEETING.wait(60)
    return speaks(request, who)


@login_not_required
def fails(request: HttpRequest, who: str) -> HttpResponse:
    raise KeyError(who)


urlpatterns = [
    path("speaks/<who>/", speaks, name="speaks"),
    path("meets/<who>/", meets, name="meets"),
    path("fails/<who>/", fails, name="fails"),
    path("", include("ledger.urls")),
]
handler500 = "ledger.web.error_pages.server_error"


def test_an_answer_is_one_line_with_the_route_in_place_of_the_address() -> None:
    account = AccountFactory()
    with json_log() as log:
        answer = signed_in(account.user).get(f"/accounts/{account.pk}/?q=rent&since=2026-01-01")
    (line,) = log.of("ledger.requests")
    assert line["event"] == "request.answered"
    assert (line["method"], line["status"]) == ("GET", 200)
    assert line["route"] == "transactions:statement"
    assert line["user_id"] == str(account.user.pk)
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert isinstance(line["duration_ms"], int)
    assert "rent" not in log.text[-1]
    assert str(account.pk) not in log.text[-1]


def test_the_line_of_a_refusal_names_it() -> None:
    account, other = AccountFactory(), AccountFactory()
    payment = {"from_account": str(account.pk), "to_number": other.number, "amount": "5"}
    with json_log() as log:
        answer = Client().post(
            "/api/v1/transactions/", payment, "application/json",
            headers=bearer(account.user, "pay"),
        )  # fmt: skip
        Client().get("/account/login/")
    assert answer.status_code == 422
    refused, next_one = log.of("ledger.requests")
    assert refused["refusal"] == "insufficient-funds"
    assert answer.json()["type"].endswith(f"#{refused['refusal']}")
    assert "refusal" not in next_one


def test_an_address_that_leads_nowhere_has_no_place_in_the_log() -> None:
    with json_log() as log:
        assert Client().get("/Ana-Lindt/?name=Lindt").status_code in (302, 404)
        assert signed_in(UserFactory()).get("/Ana-Lindt/?name=Lindt").status_code == 404
    assert log.of("ledger.requests")[-1]["route"] == "unknown"
    assert log.of("django.request")[-1]["message"] == "Not Found"
    assert "Lindt" not in "".join(log.text)


def test_the_line_of_a_sign_in_names_who_signed_in() -> None:
    person = UserFactory(password=PASSWORD)
    with json_log() as log:
        Client().post("/account/login/", {"login": person.email, "password": PASSWORD})
    assert log.of("ledger.requests")[-1]["user_id"] == str(person.pk)


@override_settings(ROOT_URLCONF=__name__)
def test_every_line_of_a_request_has_its_facts_and_the_next_one_has_none() -> None:
    with json_log() as log:
        answer = Client().get("/speaks/Ana-Lindt/")
        logger.warning("Outside")
    inside, outside = log.of("ledger.tests")
    assert inside["request_id"] == answer.headers["X-Request-ID"]
    assert (inside["route"], inside["method"]) == ("speaks", "GET")
    assert "request_id" not in outside


@override_settings(ROOT_URLCONF=__name__)
def test_an_error_page_shows_the_id_under_which_the_log_has_the_error() -> None:
    with json_log() as log:
        answer = Client(raise_request_exception=False).get("/fails/Ana-Lindt/")
    id = answer.headers["X-Request-ID"]
    assert id in text_of(answer)
    (line,) = [line for line in log.of("django.request") if "exception" in line]
    assert (line["request_id"], line["route"], line["status"]) == (id, "fails", 500)
    assert line["message"] == "Internal Server Error"
    assert line["exception"][0]["frames"][-1].endswith("in fails")
    assert "Ana-Lindt" not in "".join(log.text)


def test_lines_of_the_security_log_have_the_same_fields_and_their_own() -> None:
    with json_log() as log:
        answer = signed_in(UserFactory()).get("/search/", {"whose": "bank", "q": "rent"})
    (line,) = log.of("ledger.security")
    assert (line["event"], line["outcome"], line["level"]) == ("page.refused", "refused", "WARNING")
    assert line["request_id"] == line["request"] == answer.headers["X-Request-ID"]


def test_what_is_asked_for_every_few_seconds_is_logged_only_if_it_fails() -> None:
    with json_log() as log:
        Client().get("/healthz")
        Client().head("/static/ledger.css")
    assert log.of("ledger.requests") == []
    with json_log(logging.DEBUG) as log:
        Client().get("/healthz")
    assert [line["route"] for line in log.of("ledger.requests")] == ["healthz"]


@pytest.mark.parametrize("given", [OURS, str(uuid.UUID(OURS)), OURS.upper()])
def test_an_id_is_taken_from_a_proxy_that_writes_it(settings: Any, given: str) -> None:
    settings.LEDGER_PROXY_REQUEST_ID = True
    assert (
        Client().get("/healthz", headers={"x-request-id": given}).headers["X-Request-ID"] == given
    )


@pytest.mark.parametrize(
    ("given", "by_proxy"),
    [
        (OURS, False),
        ("ana@example.com", True),
        (OURS + "0", True),
        (OURS[:-1] + "\n", True),
        (OURS.replace(OURS[0], "\u0661"), True),
        ("", True),
    ],
)
def test_any_other_id_is_not_taken(settings: Any, given: str, by_proxy: bool) -> None:
    settings.LEDGER_PROXY_REQUEST_ID = by_proxy
    found = Client().get("/healthz", headers={"x-request-id": given}).headers["X-Request-ID"]
    assert found != given
    assert re.fullmatch("[0-9a-f]{32}", found)


@override_settings(ROOT_URLCONF=__name__)
def test_requests_in_parallel_keep_their_ids() -> None:
    with json_log() as log, ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(Client().get, [f"/meets/{each}/" for each in range(AT_ONCE)]))
    ids = [answer.headers["X-Request-ID"] for answer in answers]
    assert len(set(ids)) == AT_ONCE
    assert sorted(line["request_id"] for line in log.of("ledger.tests")) == sorted(ids)
    assert sorted(line["request_id"] for line in log.of("ledger.requests")) == sorted(ids)
