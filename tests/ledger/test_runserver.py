"""`manage.py runserver` serves only a bank that is prepared."""

import os
from typing import Any

import pytest
from django.core.management import call_command, get_commands
from django.core.management.base import CommandError
from django.core.management.commands import runserver as of_django

import manage
from ledger.management.commands import runserver

pytestmark = pytest.mark.django_db


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often Django's command would have begun to serve."""
    found = list[int]()
    monkeypatch.setattr(of_django.Command, "run", lambda *_args, **_options: found.append(1))
    monkeypatch.delenv("RUN_MAIN", raising=False)
    return found


def test_the_command_is_ours() -> None:
    assert get_commands()["runserver"] == "ledger"


def test_a_prepared_bank_is_served(settings: Any, served: list[int]) -> None:
    settings.DEBUG = True
    call_command("runserver")

    assert served == [1]


def test_without_collected_files_it_names_what_to_run(settings: Any, served: list[int]) -> None:
    settings.DEBUG = False
    with pytest.raises(CommandError, match=r"static files.*manage\.py prepare.*DEBUG"):
        call_command("runserver")

    assert served == []


def test_without_a_migration_it_names_what_to_run(
    settings: Any, served: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEBUG = True
    monkeypatch.setattr(runserver, "unapplied_migrations", lambda _found: ["accounts.0042_new"])
    with pytest.raises(CommandError, match=r"1 migration\b.*make dev.*manage\.py prepare"):
        call_command("runserver")

    assert served == []
    monkeypatch.setenv("RUN_MAIN", "true")  # Django prints them in red, and goes on
    call_command("runserver")
    assert served == [1]


@pytest.mark.parametrize(("command", "role"), [("runserver", "web"), ("migrate", "owner")])
def test_pages_have_no_rights_of_the_owner(
    command: str, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_ROLE", "" if command == "runserver" else "owner")
    monkeypatch.setattr("sys.argv", ["manage.py", command])
    manage.choose_settings()
    assert os.environ["LEDGER_ROLE"] == role


@pytest.mark.parametrize("place", ["80000", "localhost:65536"])
def test_a_port_that_there_is_not_is_named(place: str, served: list[int]) -> None:
    with pytest.raises(CommandError, match=place.rpartition(":")[2]):
        call_command("runserver", place)

    assert served == []
