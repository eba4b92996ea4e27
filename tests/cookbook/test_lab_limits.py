"""Trying all attempts of the lab costs little: no line of Postgres's log, a few runs a minute."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.db.models import F
from django.test import Client

from accounts.models import AttemptCount
from accounts.sign_in.limits import MINUTE
from cookbook.lab.attempt_runner import run_attempts, run_attempts_on_real_books
from cookbook.lab.attempts import ATTEMPTS, WITHOUT_THE_RIGHT
from cookbook.runner import limiter
from cookbook.runner.limiter import RUNS_IN_TOTAL, RUNS_PER_PERSON, count_run
from cookbook.runner.sessions import AllBusy
from tests.conftest import set_role
from tests.factories import UserFactory
from tests.postgres_log import lines_logged

ALL = "/cookbook/lab/?try=all"


@pytest.mark.usefixtures("practice_bank", "db")
def test_no_attempt_writes_to_the_log_of_postgres() -> None:
    before = lines_logged()

    assert run_attempts(ATTEMPTS).refused > 200
    set_role("ledger_web")
    assert run_attempts_on_real_books(WITHOUT_THE_RIGHT).refused == len(WITHOUT_THE_RIGHT)
    set_role(None)

    assert lines_logged() == before


@pytest.mark.skipif(
    not settings.DATABASES["default"].get("LEDGER_EMBEDDED"),
    reason="another server has settings of its own",
)
@pytest.mark.django_db
def test_the_log_of_the_embedded_server_has_no_values() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, setting FROM pg_settings WHERE name IN ('log_error_verbosity',"
            " 'log_min_error_statement', 'log_parameter_max_length_on_error')"
        )
        assert dict(cursor.fetchall()) == {
            "log_error_verbosity": "terse",
            "log_min_error_statement": "panic",
            "log_parameter_max_length_on_error": "0",
        }


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The attempts themselves are left out."""
    monkeypatch.setattr("cookbook.lab.views.ATTEMPTS", ATTEMPTS[:0])


@pytest.mark.django_db
@pytest.mark.usefixtures("practice_bank", "quick")
def test_one_person_tries_all_a_few_times_a_minute() -> None:
    ana, ben = Client(), Client()
    for client in (ana, ben):
        client.force_login(UserFactory())

    def troubles(client: Client, times: int) -> list[bool]:
        return [bool(client.get(ALL).context["trouble"]) for _ in range(times)]

    few = RUNS_PER_PERSON.amount
    assert troubles(ana, few + 2) == [False] * few + [True] * 2
    assert troubles(ben, 1) == [False]
    AttemptCount.objects.update(window_ends=F("window_ends") - timedelta(seconds=MINUTE))
    assert troubles(ana, 1) == [False]


@pytest.mark.django_db
@pytest.mark.usefixtures("practice_bank", "quick")
@pytest.mark.parametrize("is_of_a_table", [True, False])
def test_one_person_tries_single_attempts_some_times_a_minute(
    is_of_a_table: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = next(item for item in ATTEMPTS if item.table == "accounts")
    page = f"/cookbook/lab/accounts/?try={attempt.slug}"
    if not is_of_a_table:
        page = f"/cookbook/lab/?try={WITHOUT_THE_RIGHT[0].slug}"
    monkeypatch.setattr("cookbook.lab.views.ATTEMPTS", [attempt])
    monkeypatch.setattr(limiter, "TRIES_PER_PERSON", replace(limiter.TRIES_PER_PERSON, amount=2))
    ana, ben = Client(), Client()
    for client in (ana, ben):
        client.force_login(UserFactory())

    troubles = [bool(ana.get(page).context["trouble"]) for _ in range(3)]

    assert troubles == [False, False, True]
    assert not ana.get("/cookbook/lab/accounts/").context["trouble"]
    assert not ben.get(page).context["trouble"]


@pytest.mark.own_session  # whose lines of the log it reads
@pytest.mark.django_db(transaction=True)
def test_counting_writes_nothing_to_the_log_of_postgres() -> None:
    before = lines_logged()
    for _ in range(RUNS_PER_PERSON.amount + 2):
        with suppress(AllBusy):
            count_run("ana")
    assert lines_logged() == before


def runs(person: Any) -> int:
    """How many of twenty runs are let through."""
    try:
        count_run(person)
    except AllBusy:
        return 0
    finally:
        connection.close()
    return 1


@pytest.mark.django_db(transaction=True)
def test_runs_at_the_same_time_are_all_counted() -> None:
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(runs, ["ana"] * 24)) == RUNS_PER_PERSON.amount
        assert sum(pool.map(runs, range(48))) == RUNS_IN_TOTAL.amount - RUNS_PER_PERSON.amount


@pytest.mark.django_db
def test_without_the_practice_bank_the_lab_says_how_to_make_it(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(UserFactory())
    monkeypatch.setattr("cookbook.practice.readiness.is_current", lambda: False)

    for url in ("/cookbook/lab/accounts/", "/cookbook/lab/accounts/?try=nothing"):
        assert "manage.py practice_bank" in client.get(url).content.decode()
