"""What `make run` prepares in an empty database."""

from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from accounts.approvals import threshold_of
from cookbook.practice import bank
from ledger.server import preparation

pytestmark = pytest.mark.django_db


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands that preparing calls, which are not run."""
    names = list[str]()
    monkeypatch.setattr(preparation, "call_command", lambda name, **_options: names.append(name))
    monkeypatch.setattr(preparation, "unapplied_migrations", lambda _connection: [])
    monkeypatch.setattr(preparation, "collect_if_changed", lambda: False)
    monkeypatch.setattr(bank, "build", lambda **_options: None)
    return names


@pytest.mark.parametrize("is_embedded", [True, False])
def test_demo_data_come_unasked_only_to_the_embedded_server(
    is_embedded: bool, called: list[str], settings: object
) -> None:
    settings.LEDGER_EMBEDDED = is_embedded  # type: ignore[attr-defined]
    told = list[str]()

    preparation.prepare(demo=True, tell=told.append)

    assert called == (["seed_demo"] if is_embedded else [])
    assert len(told) == 1


def test_one_migration_is_one(called: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparation, "unapplied_migrations", lambda _connection: ["0002_more"])
    told = list[str]()
    preparation.prepare(demo=False, tell=told.append)
    assert (told[0], called) == ("Applying 1 migration ...", ["migrate"])


def test_demo_data_never_come_to_a_bank_with_people(called: list[str]) -> None:
    get_user_model()._default_manager.create_user(email="ana@example.com", name="Ana")

    preparation.prepare(demo=True, tell=lambda _line: None)

    assert called == []


def test_a_start_writes_changed_thresholds_of_four_eyes(called: list[str], settings: Any) -> None:
    settings.LEDGER_FOUR_EYES_OVER = {"*": Decimal(7)}
    told = list[str]()
    for _start in range(2):
        preparation.prepare(demo=False, tell=told.append)
    assert threshold_of("USD") == 7
    assert len(told) == 1


@pytest.mark.parametrize("is_on", [True, False])
def test_the_practice_bank_is_built_for_the_cookbook_alone(
    is_on: bool, called: list[str], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LEDGER_COOKBOOK = is_on
    monkeypatch.setattr(bank, "build", lambda **_options: called.append("practice bank"))

    preparation.prepare(demo=False, tell=lambda _line: None)

    assert called == (["practice bank"] if is_on else [])


def test_serve_refuses_to_begin_as_the_web_role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "LEDGER_ROLE", "web")
    with pytest.raises(CommandError, match="LEDGER_ROLE"):
        call_command("serve")
