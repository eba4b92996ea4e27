"""When the template of the test databases, and the bank that tests copy, are built again."""

from pathlib import Path
from typing import Any

import pytest

from ledger.embedded.server import EmbeddedServer
from tests import template
from tests.ledger import bank_copies

MADE_BY = (
    "accounts/migrations/0001_first.py", "api/models.py", "transactions/models/hold.py",
    "ledger/db/extensions.py", "cookbook/practice/bank.py", "transactions/demo/seeding.py",
    "transactions/payees/demo_data.py",
)  # fmt: skip
OTHER = "transactions/services.py"


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout that contains only these files."""
    for name in (*MADE_BY, OTHER, *template.FILL):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    monkeypatch.setattr(template, "BASE_DIR", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", MADE_BY)
def test_the_template_is_made_again_if_what_makes_it_changes(code: Path, name: str) -> None:
    before = template.key()
    assert template.key() == before
    (code / name).write_text("changed = True")
    assert template.key() != before


def test_the_template_is_made_again_if_a_migration_is_added_or_renamed(code: Path) -> None:
    before = template.key()
    new = code / "explorer/migrations/0002_second.py"
    new.parent.mkdir(parents=True)
    new.write_text("")
    added = template.key()
    new.rename(new.with_name("0002_other.py"))
    assert len({before, added, template.key()}) == 3


def test_other_code_makes_only_the_copied_bank_again(code: Path) -> None:
    before, of_bank = template.key(), template.digest_of_the_code()
    (code / OTHER).write_text("changed = True")
    assert template.key() == before
    assert template.digest_of_the_code() != of_bank


@pytest.mark.parametrize("name", template.FILL)
def test_what_fills_the_copied_bank_makes_it_again(code: Path, name: str) -> None:
    of_bank = template.digest_of_the_code()
    (code / name).write_text("changed = True")
    assert template.digest_of_the_code() != of_bank


def test_another_secret_key_or_row_level_security_has_another_template(
    code: Path, settings: Any
) -> None:
    keys = {template.key()}
    settings.SECRET_KEY = "another"
    keys.add(template.key())
    settings.LEDGER_ROW_SECURITY = not settings.LEDGER_ROW_SECURITY
    keys.add(template.key())
    assert len(keys) == 3


def test_a_bank_is_made_once_and_copied_until_the_code_changes(
    code: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:  # fmt: skip
    """Tests without servers: each bank is a file."""
    settings.LEDGER_DATA_DIR = tmp_path_factory.mktemp("data")
    monkeypatch.setattr(EmbeddedServer, "ensure_started", lambda _server: None)
    monkeypatch.setattr(EmbeddedServer, "stop", lambda _server: None)
    made: list[Path] = []

    def make(data_dir: Path) -> None:
        made.append(data_dir)
        data = EmbeddedServer(data_dir).data
        data.mkdir(parents=True)
        (data / "bank").write_text(f"bank {len(made)}")

    def copied() -> str:
        folder = tmp_path_factory.mktemp("copy")
        assert not bank_copies.is_copied(folder)
        bank_copies.copy_into(folder, make)
        assert bank_copies.is_copied(folder)
        return (EmbeddedServer(folder).data / "bank").read_text()

    assert [copied(), copied()] == ["bank 1", "bank 1"]
    (code / OTHER).write_text("changed = True")
    assert copied() == "bank 2"
    assert not made[0].exists()
