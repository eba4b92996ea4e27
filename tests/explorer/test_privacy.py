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


def test_erasure_takes_ones_queries_and_ones_address_out_of_those_of_others() -> None:
    sean: User = UserFactory(name="Sean O'Brien", email="o'brien@mail.example")
    other: User = UserFactory()
    own = ran(sean, "SELECT 'mine'")
    texts = [
        ran(other, f"SELECT * FROM users WHERE email = {literal}")
        for literal in (
            "'o''brien@mail.example'", r"E'O\'Brien@mail.example'", "$$o'brien@mail.example$$"
        )
    ]  # fmt: skip
    values = [ran(other, "SELECT :who", who=f"{text}o'brien@mail.example") for text in ("", "x\n")]
    kept = ran(other, "SELECT 'Sean O''Brien', 'x.o''brien@mail.example'", who="Sean O'Brien")
    saved(sean, "SELECT 1")
    for sql in ("SELECT 'o''brien@mail.example', 2", "SELECT 'Sean O''Brien'"):
        saved(other, sql)
    by_value = services.save_query(
        owner=other, title="Of o'brien@mail.example", sql="SELECT :who",
        parameters={"who": "o'brien@mail.example"},
    )  # fmt: skip
    erase(sean)
    for run in (own, *texts, *values, kept):
        run.refresh_from_db()
    by_value.refresh_from_db()
    assert [run.sql for run in (own, *texts)] == [""] * 4
    assert [run.parameters for run in values] == [{}] * 2
    assert kept.sql == "SELECT 'Sean O''Brien', 'x.o''brien@mail.example'"
    assert kept.parameters == {"who": "Sean O'Brien"}
    assert (by_value.title, by_value.parameters) == ("Of erased", {})
    assert list(register()) == []
    left = SavedQuery.objects.exclude(pk=by_value.pk).order_by("sql").values_list("sql", flat=True)
    assert list(left) == ["SELECT 'Sean O''Brien'", "SELECT 'erased', 2"]


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
