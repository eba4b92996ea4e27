"""`dumpdata` refuses a part of a bank that `loaddata` could not load."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.core.management.base import CommandError
from django.core.management.commands.loaddata import Command as LoadData
from django.core.serializers.base import DeserializedObject

from ledger.backups import fixtures
from ledger.backups.fixtures import OPTIONAL, chosen, in_order, missing_from
from ledger.db.server.creation import how_to_start_over
from ledger.management.commands import loaddata

WITHOUT_IDS = ("-e", "auth.permission", "-e", "contenttypes")  # as many tutorials write it


@pytest.mark.parametrize(
    "part",
    [
        ["accounts"],
        ["accounts", "transactions"],
        ["accounts.Currency"],
        ["accounts.Account", "accounts.User", "accounts.Currency"],
        ["accounts.RecordedSocialAccount"],  # a proxy
        ["transactions.Entry"],  # a view
        ["cookbook"],
        ["contenttypes", "auth", "accounts", "-e", "accounts.Read"],
        ["-e", "transactions.Seal"],
        [*WITHOUT_IDS],
        ["accounts.Currency", "--pks", "USD"],
        ["--pks", "USD"],
        ["--natural-foreign", "--natural-primary"],
    ],
)
def test_a_part_is_refused_and_the_whole_is_named(part: list[str], tmp_path: Path) -> None:
    file = tmp_path / "part.json"
    with pytest.raises(CommandError, match=r"dumpdata -o bank\.json"):
        call_command("dumpdata", *part, "-o", str(file))
    assert not file.exists()


@pytest.mark.parametrize("label", ["nothing", "accounts.Nothing"])
@pytest.mark.parametrize("option", [[], ["-e"]])
def test_a_label_of_nothing_is_named(option: list[str], label: str) -> None:
    with pytest.raises(CommandError, match=label):
        call_command("dumpdata", *option, label)


def test_the_whole_is_in_order_however_it_is_named() -> None:
    every_app = {label.partition(".")[0] for label in in_order()}
    named = sorted(every_app, reverse=True)
    assert chosen(named, []) == chosen([], []) == in_order()
    assert missing_from(in_order()) is None


@pytest.mark.parametrize("database", ["read", "replica"])
def test_only_the_writer_is_dumped(database: str) -> None:
    with pytest.raises(CommandError, match="whole bank"):
        call_command("dumpdata", database=database, stdout=io.StringIO())


@pytest.mark.parametrize("database", ["read", "replica"])
def test_only_the_writer_is_loaded(database: str) -> None:
    with pytest.raises(CommandError, match="Nothing was loaded"):
        call_command("loaddata", "bank.json", database=database)


def test_what_may_be_left_out_is_in_no_other_table() -> None:
    assert missing_from(chosen([], OPTIONAL)) is None
    optional = {apps.get_model(label) for label in OPTIONAL}
    for model in {apps.get_model(label) for label in in_order()} - optional:
        referred = {field.related_model for field in model._meta.get_fields() if field.concrete}
        assert not referred & optional, model


def test_a_whole_bank_goes_into_none_with_rows_of_an_added_app(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaddata.refuse_rows()
    monkeypatch.setattr(fixtures, "has_added_table", lambda model: model.__name__ == "Permission")
    with pytest.raises(CommandError, match="permission"):
        loaddata.refuse_rows()


def test_rows_of_a_bank_do_not_come_after_those_of_an_added_app(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is only loaded into an empty bank would come into one with rows."""
    command = loaddata.Command()
    command.is_whole = None
    monkeypatch.setattr(loaddata, "has_added_table", lambda model: model is ContentType)
    saved = list[object]()
    monkeypatch.setattr(LoadData, "save_obj", lambda _self, obj: saved.append(obj))
    command.save_obj(DeserializedObject(ContentType(app_label="kiosk", model="coin")))
    with pytest.raises(CommandError, match="only with a whole bank"):
        command.save_obj(DeserializedObject(Group(name="any")))
    assert len(saved) == 1


@pytest.mark.parametrize(
    ("is_default", "word"), [(True, "make clean"), (False, "manage.py stop_db")]
)
def test_how_to_start_over_is_said_for_the_folder(
    is_default: bool, word: str, settings: Any, tmp_path: Path
) -> None:
    settings.LEDGER_EMBEDDED = True
    settings.LEDGER_DATA_DIR = settings.BASE_DIR / ".data" if is_default else tmp_path
    assert word in how_to_start_over()
