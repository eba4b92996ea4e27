"""After a refused command line, one sentence says what to type instead."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command, get_commands

from ledger.management.command_line import CommandLine
from ledger.management.hints import OTHER_COMMANDS, hint_for, hint_for_unknown
from tests.ledger.processes import manage, own_data_dir


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (["migrate", "app", "zero"], "accounts, alerts, "),
        (["dumpdata", "polls.Choice"], "accounts, alerts, "),
        (["loaddata", "initial_data.json"], "dumpdata -o bank.json"),
        (["dbshell", "-c", "SELECT 1"], "dbshell -- -c"),
        (["dbshell", "--database", "replica"], "DATABASE_REPLICA_URLS"),
        (["migrate", "--database=replica"], "docs/databases.md"),
        (["check", "polls"], "accounts, alerts, "),
    ],
)
def test_what_tutorials_type_is_answered(line: list[str], named: str) -> None:
    assert named in str(hint_for(line))


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("seed", "manage.py seed_demo"),
        ("syncdb", "manage.py migrate"),
        ("reset_db", "To start over"),
        ("crontab", "manage.py work"),
        ("validate", "manage.py check"),
        ("sqlall", "manage.py sqlmigrate"),
        ("graph_models", "docs/columns.md"),
        ("pg_dump", "manage.py backup"),
        ("shell_plus", "make shell"),
        ("create_groups", "manage.py migrate"),
        ("runscript", "manage.py shell"),
    ],
)
def test_a_command_of_another_project_is_answered_by_one_sentence(
    command: str, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        CommandLine(["manage.py", command]).fetch_command(command)
    assert str(refused.value.code).startswith(f"Unknown command: {command!r}. ")
    assert named in str(refused.value.code)
    assert capsys.readouterr().err == ""


def test_reset_db_does_not_delete_the_embedded_server_of_a_bank_on_another_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "LEDGER_EMBEDDED", False)
    hint = str(hint_for_unknown("reset_db"))
    assert "DATABASE_URL" in hint
    assert "make clean" not in hint


def test_what_is_installed_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OTHER_COMMANDS, "check", "Not here.")
    assert CommandLine(["manage.py", "check"]).fetch_command("check")


def test_each_sentence_names_commands_and_files_that_exist() -> None:
    for sentence in OTHER_COMMANDS.values():
        for command in re.findall(r"manage\.py (\w+)", sentence):
            assert command in get_commands()
        for path in re.findall(r"[\w/-]+\.(?:md|py)", sentence.replace("manage.py", "")):
            assert (settings.BASE_DIR / path).exists(), path


@pytest.mark.parametrize("command", ["makemessages", "compilemessages"])
def test_there_are_no_translations_to_write(command: str) -> None:
    with pytest.raises(CommandError, match="no translations"):
        call_command(command, verbosity=0)


@pytest.mark.parametrize(
    "line",
    [
        ["migrate", "accounts", "zero"],
        ["migrate", "--plan"],
        ["migrate", "--database", "default"],
        ["dumpdata", "accounts.User"],
        ["dbshell", "--", "-c", "SELECT 1"],
        ["loaddata", str(settings.BASE_DIR / "manage.py")],
        ["nonsense"],
    ],
)
def test_a_line_that_fails_for_another_reason_gets_none(line: list[str]) -> None:
    assert hint_for(line) is None


def test_it_follows_the_message_of_django() -> None:
    with own_data_dir() as folder:
        refused = manage(folder, "showmigrations", "polls")
        assert refused.returncode
        assert "accounts, alerts, " in refused.stderr.splitlines()[-1]
        check = manage(folder, "check", "polls")
        assert "Traceback" not in check.stderr
        wrong = manage(folder, "migrate", "--database=replica")
        assert wrong.returncode
        assert "DATABASE_REPLICA_URLS" in wrong.stderr.splitlines()[-1]


def test_no_project_is_made_in_the_project(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="startapp"):
        call_command("startproject", "mysite", str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_the_apps_of_the_project_are_named_with_those_of_features() -> None:
    found = hint_for(["makemigrations", "nothing"])
    assert found is not None
    assert {"accounts", "alerts", "payees", "transactions"} <= set(re.findall(r"\w+", found))
    assert "mfa" not in found
