"""The practice bank is built after the first answer of the site, which can end at any time."""

import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext

import pytest
from django.core.management import CommandError
from django.db import connection

from cookbook.practice import bank
from cookbook.practice.readiness import NoPracticeBank
from ledger.management.commands import serve
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
    with bank._as_only_builder(), BackgroundBuild(told.append) as build:
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


class AnsweringLate:
    """A web server that answers the third time it is asked, and then ends."""

    def __init__(self, asked: list[bool]) -> None:
        self.asked = asked

    def open(self) -> None:
        pass

    def answers(self) -> bool:
        self.asked.append(len(self.asked) == 2)
        return self.asked[-1]

    def exit_code(self) -> int | None:
        return 0 if any(self.asked) else None


def test_serve_builds_it_after_the_first_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, began_after, prepared = list[bool](), list[list[bool]](), list[object]()
    monkeypatch.setattr(serve, "WebServer", lambda *_: nullcontext(AnsweringLate(asked)))
    monkeypatch.setattr(serve, "prepare", lambda **given: prepared.append(given["practice_bank"]))
    monkeypatch.setattr(BackgroundBuild, "begin", lambda _: began_after.append(asked[:]))
    with pytest.raises(CommandError):
        serve.Command()._serve("localhost", 8000, demo=False, work=False)
    assert prepared == [False]
    assert began_after == [[False, False, True]]
