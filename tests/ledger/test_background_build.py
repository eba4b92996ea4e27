"""The practice bank is built after the first answer of the site, which can end at any time."""

import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from cookbook.practice import bank
from cookbook.practice.readiness import NoPracticeBank
from ledger.server.background_build import BackgroundBuild
from tests.ledger.processes import LONG

pytestmark = [pytest.mark.own_session, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Set when the work begins. In place of the real work stands a statement that never ends."""
    event = threading.Event()

    def build(*, begin: Callable[[], object]) -> bool:
        begin()
        event.set()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(3600)")
        return True

    monkeypatch.setattr(bank, "build", build)
    yield event
    assert "practice-bank" not in [thread.name for thread in threading.enumerate()]


def test_it_begins_when_it_may(started: threading.Event, told: list[str]) -> None:
    with BackgroundBuild(told.append) as build:
        assert not started.is_set()
        build.begin()
        assert started.wait(LONG)


def test_it_ends_in_the_middle_of_a_statement_without_a_word(
    started: threading.Event, told: list[str]
) -> None:
    with BackgroundBuild(told.append) as build:
        build.begin()
        started.wait(LONG)
    assert told == []


def test_a_site_that_ends_before_its_first_answer_builds_nothing(
    started: threading.Event, told: list[str]
) -> None:
    with BackgroundBuild(told.append):
        pass
    assert not started.is_set()
    assert told == []


def test_it_waits_for_no_other_builder(told: list[str]) -> None:
    """Whose lock pages see as well; the site opens in the meantime."""
    with bank._alone(), BackgroundBuild(told.append) as build:
        build.begin()
    assert told == []


@pytest.mark.parametrize("is_new", [True, False])
def test_it_tells_what_it_built(
    is_new: bool, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*, begin: Callable[[], object]) -> bool:
        if is_new:
            begin()
        return is_new

    monkeypatch.setattr(bank, "build", build)
    with BackgroundBuild(told.append) as building:
        building.begin()
        building.wait()
    assert len(told) == is_new


def test_it_tells_why_it_built_nothing(told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def build(*, begin: Callable[[], object]) -> bool:
        begin()
        raise NoPracticeBank("A role is missing.")

    monkeypatch.setattr(bank, "build", build)
    with BackgroundBuild(told.append) as building:
        building.begin()
        building.wait()
    assert "A role is missing." in told[0]
