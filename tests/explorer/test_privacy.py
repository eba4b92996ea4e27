"""What the explorer keeps of people: their download, their erasure, and how long."""

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.models import RowRemoval, User
from explorer import services
from explorer.models import QueryRun, SavedQuery
from tests.conftest import signed_in
from tests.factories import UserFactory
from transactions.audit.checks.register import register
from transactions.privacy.erasure import erase
from transactions.privacy.retention import apply_retention

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> User:
    person: User = UserFactory(name="Ana Ferreira", email="ana@mail.example")
    return person


def ran(person: User, sql: str, **more: Any) -> QueryRun:
    return services.record_run(
        person=person, sql=sql, parameters=more, scope="bank", form="page",
        outcome=QueryRun.RunOutcome.ROWS,
    )  # fmt: skip


def saved(person: User, sql: str) -> SavedQuery:
    return services.save_query(owner=person, title="A query", sql=sql, parameters={})


def test_the_download_has_ones_own_queries(ana: User) -> None:
    ran(ana, "SELECT 1")
    saved(ana, "SELECT 2")
    ran(UserFactory(), "SELECT 3")
    answer = signed_in(ana).post("/account/data/", {"format": "json"})
    found = json.loads(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    assert [row["sql"] for row in found["queries"]] == ["SELECT 1"]
    assert [row["sql"] for row in found["saved_queries"]] == ["SELECT 2"]


def test_erasure_takes_ones_queries_and_ones_name_out_of_those_of_others(ana: User) -> None:
    other: User = UserFactory()
    own, named, by_value, kept = (
        ran(ana, "SELECT 'mine'"),
        ran(other, "SELECT * FROM users WHERE name = 'Ana Ferreira'"),
        ran(other, "SELECT :who", who="ana@mail.example"),
        ran(other, "SELECT 'Analysis'"),
    )
    for person, sql in ((ana, "SELECT 1"), (other, "SELECT 'Ana Ferreira'"), (other, "SELECT 2")):
        saved(person, sql)
    erase(ana)
    for run in (own, named, by_value, kept):
        run.refresh_from_db()
    assert (own.sql, named.sql, by_value.parameters) == ("", "", {})
    assert kept.sql == "SELECT 'Analysis'"
    assert list(register()) == []
    assert [query.sql for query in SavedQuery.objects.all()] == ["SELECT 2"]


def test_the_history_goes_after_its_time_and_not_before(ana: User, settings: Any) -> None:
    settings.LEDGER_KEEP_QUERIES_DAYS = 30
    ran(ana, "SELECT 1")
    now = timezone.now()
    assert apply_retention(now + timedelta(days=29))["queries of the explorer"] == 0
    assert apply_retention(now + timedelta(days=31))["queries of the explorer"] == 1
    assert not QueryRun.objects.exists()
    assert RowRemoval.objects.filter(table_name="explorer_runs").exists()


def test_the_command_says_how_many_it_deleted(ana: User) -> None:
    out = io.StringIO()
    call_command("apply_retention", stdout=out)
    assert "queries of the explorer" in out.getvalue()


def test_the_page_of_privacy_says_how_long(ana: User) -> None:
    assert (
        "Which queries you ran in the explorer" in signed_in(ana).get("/privacy/").content.decode()
    )
