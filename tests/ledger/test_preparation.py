"""What `make run` prepares in an empty database."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from unittest.mock import MagicMock

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.approvals import threshold_of
from cookbook.practice import bank
from cookbook.practice.readiness import NoPracticeBank
from ledger import env
from ledger.embedded.server import EmbeddedServer
from ledger.server import preparation, progress
from ledger.server.progress import Progress
from transactions.demo import seeding

pytestmark = pytest.mark.django_db


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands that preparing calls, which are not run."""
    names = list[str]()
    monkeypatch.setattr(preparation, "call_command", lambda name, **_options: names.append(name))
    monkeypatch.setattr(preparation, "unapplied_migrations", lambda _connection: [])
    monkeypatch.setattr(preparation, "are_collected", lambda: True)
    monkeypatch.setattr(bank, "build", lambda **_options: None)
    return names


def lines_of(told: list[str]) -> list[str]:
    return "".join(told).splitlines()


@pytest.mark.parametrize("is_embedded", [True, False])
def test_demo_data_come_unasked_only_to_the_embedded_server(
    is_embedded: bool, called: list[str], settings: object
) -> None:
    settings.LEDGER_EMBEDDED = is_embedded  # type: ignore[attr-defined]
    told = list[str]()

    preparation.prepare(demo=True, progress=Progress(told.append))

    assert called == (["seed_demo"] if is_embedded else [])
    assert len(lines_of(told)) == 1


def test_one_migration_is_one(called: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparation, "unapplied_migrations", lambda _connection: ["0002_more"])
    told = list[str]()
    preparation.prepare(demo=False, progress=Progress(told.append))
    (line,) = lines_of(told)
    assert re.fullmatch(r"Applying 1 migration \.\.\. [0-9.]+ s", line)
    assert called == ["migrate"]


def test_variables_of_libpq_that_are_not_used_are_named(
    called: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(env, "ignored_variables", ["PGHOST", "PGDATABASE"])
    told = list[str]()
    preparation.prepare(demo=False, progress=Progress(told.append))
    (line,) = lines_of(told)
    assert "PGHOST, PGDATABASE" in line
    assert called == []


def test_demo_data_never_come_to_a_bank_with_people(called: list[str]) -> None:
    get_user_model()._default_manager.create_user(email="ana@example.com", name="Ana")

    preparation.prepare(demo=True, progress=Progress(str))

    assert called == []


def test_a_bank_with_other_people_is_told_how_it_gets_demo_data(
    called: list[str], settings: Any
) -> None:
    settings.LEDGER_EMBEDDED = True
    get_user_model()._default_manager.create_user(email="root@example.com", name="Root")
    told = list[str]()
    preparation.prepare(demo=True, progress=Progress(told.append))
    assert lines_of(told) == [preparation.NO_DEMO]
    assert called == []


def test_demo_data_of_an_interrupted_start_are_completed(called: list[str], settings: Any) -> None:
    def stop(_booked: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        seeding.seed(users=14, months=1, seed=1, now=timezone.now(), progress=stop)
    settings.LEDGER_EMBEDDED = True
    preparation.prepare(demo=True, progress=Progress(str))
    assert called == ["seed_demo"]


def test_a_start_writes_changed_thresholds_of_four_eyes(called: list[str], settings: Any) -> None:
    settings.LEDGER_FOUR_EYES_OVER = {"*": Decimal(7)}
    told = list[str]()
    for _start in range(2):
        preparation.prepare(demo=False, progress=Progress(told.append))
    assert threshold_of("USD") == 7
    assert len(lines_of(told)) == 1


def test_a_first_start_says_how_long_it_takes(
    called: list[str], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LEDGER_EMBEDDED = True
    server = MagicMock(EmbeddedServer)
    monkeypatch.setattr(preparation, "embedded_server", lambda: server)
    monkeypatch.setattr(progress, "_slowness", lambda: 1.0)
    server.has_data.return_value = False
    told = list[str]()
    preparation.prepare(demo=True, progress=Progress(told.append))
    first, second, *_ = lines_of(told)
    assert re.search(r"about \d+ seconds", first)
    assert re.fullmatch(r"Making the database \.\.\. [0-9.]+ s", second)

    server.has_data.return_value = True
    told.clear()
    preparation.prepare(demo=False, progress=Progress(told.append))
    assert told == []


@pytest.mark.parametrize(("slowness", "seconds"), [(0.1, 5), (1, 20), (2.5, 45)])
def test_the_estimate_follows_the_speed_of_this_computer(
    slowness: float, seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_slowness", lambda: slowness)
    monkeypatch.setattr(progress, "SECONDS", {"one": 10, "other": 7, "third": 99})
    assert progress.seconds_of(["one", "other"]) == seconds


def test_one_part_that_waited_for_its_turn_does_not_change_the_estimate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = iter([0.2, 0.2, 0.2, *[0.01] * 6])
    monkeypatch.setattr(progress, "_seconds_of_part", lambda: next(seconds))
    assert progress._slowness() == 1.0


def test_a_step_that_fails_ends_its_line() -> None:
    told = list[str]()
    with pytest.raises(ZeroDivisionError), Progress(told.append).step("Dividing"):
        raise ZeroDivisionError
    assert "".join(told) == "Dividing ... \n"


@pytest.mark.parametrize("is_on", [True, False])
def test_the_practice_bank_is_built_for_the_cookbook_alone(
    is_on: bool, called: list[str], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LEDGER_COOKBOOK = is_on
    monkeypatch.setattr(bank, "build", lambda **_options: called.append("practice bank"))

    preparation.prepare(demo=False, progress=Progress(str))

    assert called == (["practice bank"] if is_on else [])
    preparation.prepare(demo=False, progress=Progress(str), practice_bank=False)
    assert called == (["practice bank"] if is_on else [])


def test_what_keeps_the_practice_bank_from_being_built_is_told(
    called: list[str], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*, begin: Callable[[], object]) -> bool:
        begin()
        raise NoPracticeBank("No right.")

    settings.LEDGER_COOKBOOK = True
    monkeypatch.setattr(bank, "build", build)
    told = list[str]()
    preparation.prepare(demo=False, progress=Progress(told.append))
    assert lines_of(told)[-1] == "No right."


def test_serve_refuses_to_begin_as_the_web_role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "LEDGER_ROLE", "web")
    with pytest.raises(CommandError, match="LEDGER_ROLE"):
        call_command("serve")
