"""The probes, which need no sign-in and no particular host name."""

import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import WebSession
from ledger.db.outages import probe
from ledger.db.outages.probe import short_connection
from ledger.web.middleware import ResponseFormMiddleware
from tests.factories import UserFactory
from tests.pages import lacks
from tests.pooler import connected, server


def test_healthz_answers_without_a_database(client: Client) -> None:
    response = client.get("/healthz")

    assert response.status_code == 200
    assert response.json() == {"status": "alive"}


def test_probes_come_by_any_host_over_plain_http(client: Client, settings: object) -> None:
    settings.SECURE_SSL_REDIRECT = True  # type: ignore[attr-defined]

    assert client.get("/healthz", headers={"host": "10.0.0.7:8000"}).status_code == 200


def test_probes_take_no_post(client: Client) -> None:
    assert client.post("/healthz").status_code == 405


@pytest.mark.django_db
def test_readyz_is_ready_on_a_migrated_database(client: Client) -> None:
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {"status": "ready"}


@pytest.mark.django_db
def test_without_replicas_staff_read_that_there_are_none(client: Client, staff: Client) -> None:
    told = staff.get("/readyz?verbose").json()
    assert (told["status"], told["replicas"]) == ("ready", [])


@pytest.mark.django_db
@pytest.mark.parametrize(("zone", "is_told"), [("Europe/Berlin", False), ("CET", True)])
def test_staff_read_that_postgres_reads_the_time_zone_in_another_way(
    staff: Client, settings: Any, zone: str, is_told: bool
) -> None:
    settings.TIME_ZONE = zone
    assert bool(staff.get("/readyz?verbose").json()["time_zone"]) == is_told


@pytest.mark.django_db
def test_readyz_warns_of_commits_that_no_standby_confirms(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = "SELECT 'a', true, ARRAY[]::text[], NULL, 1.0"
    monkeypatch.setattr("ledger.db.commits.synchronous.CONFIRMATION", lost)

    response = client.get("/readyz")

    assert response.status_code == 200, "a load balancer must not end every process"
    assert response.json()["status"] == "ready"
    assert "0 of the 1 synchronous standbys" in response.json()["warning"]


@pytest.mark.django_db
@pytest.mark.parametrize(("seconds", "where"), [(4, "ahead of"), (-4, "behind")])
def test_readyz_warns_of_a_clock_that_differs_from_the_databases(
    client: Client, monkeypatch: pytest.MonkeyPatch, seconds: int, where: str
) -> None:
    monkeypatch.setattr(probe, "clock", lambda: time.time() + seconds)

    response = client.get("/readyz")

    assert response.status_code == 200, "a load balancer must not end every process"
    assert response.json()["status"] == "ready"
    assert f" s {where} the database's" in response.json()["warning"]


@pytest.mark.django_db
def test_a_slow_answer_is_no_clock_that_differs(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server read its clock at some time between."""
    asked = list[float]()

    def clock() -> float:
        asked.append(time.time() + (60 if asked else -60))
        return asked[-1]

    monkeypatch.setattr(probe, "clock", clock)
    assert client.get("/readyz").json() == {"status": "ready"}
    assert len(asked) == 2


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/readyz?verbose", "/metrics"])
def test_what_tells_staff_how_the_site_is_writes_nothing(staff: Client, path: str) -> None:
    """A write may wait for a standby that is lost, and this is looked at just then."""
    long_ago = timezone.now() - timedelta(minutes=2)
    WebSession.objects.update(last_seen_at=long_ago)

    with CaptureQueriesContext(connection) as sent:
        assert staff.get(path).status_code == 200

    assert [each["sql"] for each in sent if not each["sql"].startswith("SELECT")] == []
    assert set(WebSession.objects.values_list("last_seen_at", flat=True)) == {long_ago}


@pytest.mark.django_db
def test_others_read_the_short_answer(client: Client) -> None:
    assert client.get("/readyz?verbose").json() == {"status": "ready"}
    client.force_login(UserFactory())
    assert client.get("/readyz?verbose").json() == {"status": "ready"}


@pytest.mark.django_db(transaction=True)
def test_readyz_names_the_first_migration_that_is_missing(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE django_migrations SET name = 'later' WHERE name = '0003_writer_mark'"
        )
    try:
        response = client.get("/readyz")
    finally:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE django_migrations SET name = '0003_writer_mark' WHERE name = 'later'"
            )

    assert response.status_code == 503
    problem = response.json()["problem"]
    assert not lacks(problem, "not applied (1)", "ledger_db.0003_writer_mark")


@pytest.mark.django_db
def test_readyz_says_when_the_database_cannot_be_reached(client: Client) -> None:
    refusal = OperationalError("connection to server at 10.1.2.3 failed")
    with patch.object(connection, "get_connection_params", side_effect=refusal):
        response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {
        "status": "not ready",
        "problem": "The database cannot be reached.",
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("asked", ["any", "read-write", "primary"])
def test_readyz_says_when_the_writer_takes_no_writes(client: Client, asked: str) -> None:
    """Whether it is connected to, or libpq refuses it. A standby is the same to both queries."""
    there = server()
    options = {"target_session_attrs": asked, "options": "-c default_transaction_read_only=on"}
    with connected({**there, "OPTIONS": {**there["OPTIONS"], **options}}):
        response = client.get("/readyz")

    assert response.status_code == 503
    assert "takes no writes" in response.json()["problem"]


@pytest.mark.django_db(transaction=True)
def test_each_server_is_told_with_its_reason_and_to_the_public_without_its_name(
    client: Client, tmp_path: Path
) -> None:
    """One is dead, the other one a standby that was not promoted: both have to be looked at."""
    there = server()
    options = {
        "target_session_attrs": "read-write",
        "options": "-c default_transaction_read_only=on",
    }
    changed = {
        "HOST": f"{tmp_path},{there['HOST']}",
        "PORT": f"5999,{there['PORT'] or 5432}",
        "OPTIONS": {**there["OPTIONS"], **options},
    }
    with connected({**there, **changed}):
        problem = client.get("/readyz").json()["problem"]
        with pytest.raises(OperationalError) as refused, short_connection(2):
            pass

    assert "server 1 no socket, server 2 standby or read-only" in problem
    assert str(tmp_path) not in problem
    dead, standby = str(refused.value).partition("reached: ")[2].split(", ")
    assert dead == f"{tmp_path}/.s.PGSQL.5999 no socket"
    assert standby.endswith(" standby or read-only")


def test_head_is_answered_with_the_headers_of_get_and_no_body() -> None:
    """Through the WSGI application, where Django's test client has not removed the body."""
    response = ResponseFormMiddleware(lambda _: HttpResponse("body"))(RequestFactory().head("/"))
    assert isinstance(response, HttpResponse)
    assert (response.content, response.headers["Content-Length"]) == (b"", "4")


@pytest.mark.django_db
def test_the_long_answer_is_the_short_one_where_nobody_can_tell_who_asks(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("x") from psycopg.errors.CannotConnectNow()

    client.force_login(UserFactory(is_staff=True))
    client.raise_request_exception = False
    monkeypatch.setattr("django.contrib.auth.middleware.get_user", away)
    monkeypatch.setattr("ledger.web.health.short_connection", away)
    answer = client.get("/readyz?verbose")
    assert answer.status_code == 503
    problem = "The database cannot be reached: not accepting connections."
    assert answer.json() == {"status": "not ready", "problem": problem}
