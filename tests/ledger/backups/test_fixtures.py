"""A bank goes out by dumpdata and into an empty one by loaddata, proved before it commits."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from ledger.db.embedded import EmbeddedServer
from tests.ledger.own_bank import OwnBank
from tests.ledger.processes import assert_one_sentence, manage
from tests.ledger.servers import query

pytestmark = pytest.mark.slow
PG = {"LEDGER_PG": str(settings.LEDGER_PG)}
NewFolder = Callable[[], Path]


@pytest.fixture(scope="module")
def fixture(bank: OwnBank, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("fixture") / "bank.json"
    bank.manage("dumpdata", "-o", str(file))
    return file


def rows(file: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(file.read_text())
    return found


def users(folder: Path) -> str:
    return query(EmbeddedServer(folder, settings.LEDGER_PG), "SELECT count(*) FROM users")


def test_a_bank_makes_the_round_trip_row_by_row(
    fixture: Path, new_folder: NewFolder, tmp_path: Path
) -> None:
    folder, again = new_folder(), tmp_path / "again.json"
    assert manage(folder, "migrate", **PG).returncode == 0

    done = manage(folder, "loaddata", str(fixture), **PG)

    assert done.returncode == 0, done.stderr
    assert manage(folder, "dumpdata", "-o", str(again), **PG).returncode == 0
    assert rows(again) == rows(fixture)
    assert "clean" in manage(folder, "audit_ledger", **PG).stdout
    assert_one_sentence(manage(folder, "loaddata", str(fixture), **PG), "Nothing was loaded")


def test_books_that_are_not_clean_are_not_loaded(
    fixture: Path, new_folder: NewFolder, tmp_path: Path
) -> None:
    folder, forged = new_folder(), tmp_path / "forged.json"
    found = rows(fixture)
    account = next(row for row in found if row["model"] == "accounts.account")
    account["fields"]["balance"] = "1000000.0000"
    forged.write_text(json.dumps(found))
    assert manage(folder, "migrate", **PG).returncode == 0

    done = manage(folder, "loaddata", str(forged), **PG)

    assert_one_sentence(done, "Nothing was loaded", "not clean")
    assert users(folder) == "0"
    triggers = "SELECT count(*) FROM pg_trigger WHERE tgenabled = 'D'"
    assert query(EmbeddedServer(folder, settings.LEDGER_PG), triggers) == "0"


def test_a_fixture_that_is_not_of_a_whole_bank_is_not_loaded(
    fixture: Path, new_folder: NewFolder, tmp_path: Path
) -> None:
    folder, part = new_folder(), tmp_path / "part.json"
    part.write_text(json.dumps([row for row in rows(fixture) if "contenttype" in row["model"]]))
    assert manage(folder, "migrate", **PG).returncode == 0
    server = EmbeddedServer(folder, settings.LEDGER_PG)
    before = query(server, "SELECT count(*) FROM currencies")

    done = manage(folder, "loaddata", str(part), **PG)

    assert_one_sentence(done, "Nothing was loaded", "whole bank")
    assert query(server, "SELECT count(*) FROM currencies") == before != "0"


def test_flush_deletes_nothing_and_says_why(bank: OwnBank) -> None:
    before = users(bank.data_dir)

    assert_one_sentence(manage(bank.data_dir, "flush", "--no-input", **PG), "Nothing was deleted")
    assert users(bank.data_dir) == before
