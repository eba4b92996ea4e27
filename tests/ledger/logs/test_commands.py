"""What commands print, as records of the log, and what ends a process."""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ledger.env import BASE_DIR
from ledger.jobs import worker
from ledger.jobs.schedule import ScheduledJob
from ledger.jobs.worker import Worker
from ledger.logs import output
from ledger.logs.output import as_records, is_for_developer, is_recorded
from ledger.management.command_line import CommandLine
from tests.ledger.logs.json_log import json_log
from tests.ledger.processes import environment, manage

AWAY = "postgresql://ledger@127.0.0.1:1/ledger"


def refuse(printed: str) -> None:
    print(printed, file=sys.stderr)
    print("A hint of manage.py.", file=sys.stderr)
    sys.exit(1)


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_what_is_printed_becomes_a_record_a_line() -> None:
    with json_log() as log, as_records():
        print("Applying one ...", end="")
        sys.stdout.flush()
        print(" OK\n\nDone.")
        print("Without an end", end="", file=sys.stderr)
    assert [line["message"] for line in log.of("ledger.output")] == [
        "Applying one ... OK",
        "Done.",
        "Without an end",
    ]


def test_a_command_that_fails_says_why_and_that_it_failed() -> None:
    with json_log() as log, pytest.raises(SystemExit) as end, as_records():
        sys.exit("The database cannot be reached.")
    assert end.value.code == 1
    why, failed = log.of("ledger.output")
    assert why["message"] == "The database cannot be reached."
    assert failed["level"] == "ERROR"
    assert "The database cannot be reached." in failed["message"]  # for who reads errors alone


def test_the_error_of_a_message_of_several_lines_contains_all_of_them() -> None:
    with json_log() as log, pytest.raises(SystemExit), as_records():
        sys.exit("There is no such engine.\nTry:\n  one, another")
    *_, failed = log.of("ledger.output")
    assert failed["level"] == "ERROR"
    assert "There is no such engine. Try: one, another" in failed["message"]


@pytest.mark.parametrize(
    ("printed", "why"),
    [
        ("CommandError: No such seal.\nAsk for another.", "No such seal. Ask for another."),
        ("CommandError: No login.\nTry ana:secret@host.\nAsk.", "No login. (withheld) Ask."),
        (
            "SystemCheckError: Some issues:\n\nERRORS:\n?: (a.E1) It is wrong.\n\tHINT: Mend it.\n",
            "SystemCheckError: Some issues: ERRORS: ?: (a.E1) It is wrong. HINT: Mend it.",
        ),
    ],
)
def test_of_what_a_command_prints_the_refusal_is_why_it_failed(printed: str, why: str) -> None:
    with json_log() as log, pytest.raises(SystemExit), as_records():
        refuse(printed)
    *_, failed = log.of("ledger.output")
    assert failed["level"] == "ERROR"
    assert failed["message"] == f"The command failed. {why}"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["work"], True),
        (["audit_ledger"], True),
        (["audit_ledger", "--json"], False),
        (["migrate", "--help"], False),
        (["dumpdata"], False),
    ],
)
def test_only_what_runs_unattended_prints_into_the_log(
    arguments: list[str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = CommandLine(["manage.py", *arguments]).fetch_command(arguments[0])
    monkeypatch.setattr(output, "is_watched", lambda: False)
    assert is_recorded(command, arguments) is expected
    monkeypatch.setattr(output, "is_watched", lambda: True)
    assert not is_recorded(command, arguments)


@pytest.mark.parametrize(
    ("line", "command"), [("help work", "work"), ("work --help", "work"), ("dumpdata", "dumpdata")]
)
def test_help_and_data_are_printed(
    line: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "is_watched", lambda: False)
    with ExitStack() as records:
        CommandLine(["manage.py", *line.split()], records).fetch_command(command)
        assert not isinstance(sys.stdout, output.Lines)


def test_a_command_prints_into_the_log_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Django's commands keep the streams that they find when they are made."""
    monkeypatch.setattr(output, "is_watched", lambda: False)
    with json_log() as log, ExitStack() as records:
        CommandLine(["manage.py", "work"], records).fetch_command("work").stdout.write("Works.")
    assert [line["message"] for line in log.of("ledger.output")] == ["Works."]


def test_a_command_that_cannot_be_loaded_says_why_in_json(tmp_path: Path) -> None:
    (tmp_path / "own_settings.py").write_text(
        "from ledger.settings import *\nINSTALLED_APPS += ['polls']\n"
    )
    chosen = ("--settings", "own_settings", "--pythonpath", str(tmp_path))
    done = manage(tmp_path, "expire_holds", *chosen, LOG_FORMAT="json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no module polls" in lines_of(done.stderr)[-1]["message"]


def test_a_command_writes_nothing_but_lines_of_json(tmp_path: Path) -> None:
    done = manage(tmp_path, "wait_for_db", "--timeout", "1", DATABASE_URL=AWAY, LOG_FORMAT="json")
    assert (done.returncode, done.stdout) == (1, "")
    lines = lines_of(done.stderr)
    assert {line["command"] for line in lines} == {"wait_for_db"}
    assert lines[-1]["level"] == "ERROR"


def test_an_exception_that_ends_a_process_is_a_line_without_its_message(tmp_path: Path) -> None:
    code = "import warnings; warnings.warn('Ana Lindt'); raise ValueError('Ana Lindt')"
    done = manage(tmp_path, "shell", "-v", "0", "-c", code, DATABASE_URL=AWAY, LOG_FORMAT="json")
    assert done.returncode == 1
    warning, end = lines_of(done.stderr)
    assert warning["logger"] == "py.warnings"
    assert (end["level"], end["exception"][0]["type"]) == ("CRITICAL", "ValueError")
    assert "Ana" not in done.stderr + done.stdout


BREAKS_A_RULE = """
from django.db import IntegrityError; from psycopg.errors import CheckViolation
try: raise CheckViolation('Failing row contains (Ana Lindt)')
except CheckViolation as error: raise IntegrityError(str(error)) from error
"""


def script(tmp_path: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """A script with Django, as cron may run one."""
    return subprocess.run(
        [sys.executable, "-c", f"import django; django.setup()\n{BREAKS_A_RULE}"],
        env=environment(tmp_path, DJANGO_SETTINGS_MODULE="ledger.settings", **settings),
        cwd=BASE_DIR, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_as_text_too_what_ends_a_process_has_no_values(tmp_path: Path) -> None:
    done = script(tmp_path, DATABASE_URL=AWAY, LOG_FORMAT="text")
    assert done.returncode == 1
    assert "IntegrityError: SQLSTATE 23514" in done.stderr
    assert "Ana" not in done.stderr + done.stdout


def test_a_developer_reads_the_messages_of_code_in_the_shell(tmp_path: Path) -> None:
    """Also where no terminal is: the output may go through a pipe or into a file."""
    refused = (
        "from transactions.exceptions import InsufficientFunds\n"
        "raise InsufficientFunds('Holiday has 379.50 available')"
    )
    for code, message in ((BREAKS_A_RULE, "Failing row contains"), (refused, "Holiday has 379.50")):
        done = manage(tmp_path, "shell", "-v", "0", "-c", code, LOG_FORMAT="text")
        assert done.returncode == 1
        assert message in done.stderr
        assert "not logged" not in done.stderr


def test_a_developer_reads_the_messages_of_scripts_with_debug(tmp_path: Path) -> None:
    assert "Failing row" in script(tmp_path, DEBUG="True", LOG_FORMAT="text").stderr
    assert "Ana" not in script(tmp_path, DEBUG="True", LOG_FORMAT="json").stderr


@pytest.mark.parametrize(
    ("arguments", "debug", "log_format", "expected"),
    [
        (["shell"], False, "text", True),
        (["test", "accounts"], False, "text", True),
        (["work"], False, "text", False),
        ([], False, "text", False),
        (["work"], True, "text", True),
        (["shell"], False, "json", False),
        (["work"], True, "json", False),
    ],
)
def test_only_a_developer_reads_messages(
    arguments: list[str],
    debug: bool,
    log_format: str,
    expected: bool,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.DEBUG, settings.LOG_FORMAT = debug, log_format
    monkeypatch.setattr(output, "is_watched", lambda: False)
    assert is_for_developer(arguments) is expected
    monkeypatch.setattr(output, "is_watched", lambda: True)
    assert is_for_developer(arguments)


@pytest.mark.django_db(transaction=True)
def test_lines_of_a_job_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_name: str, **_options: object) -> None:
        raise ValueError("Ana Lindt")

    monkeypatch.setattr(worker, "call_command", run)
    with json_log() as log:
        Worker(report=lambda _line: None, jobs=[ScheduledJob("expire_holds")]).run_once()
    (line,) = log.of("ledger.jobs")
    assert (line["job"], line["message"]) == ("expire_holds", "The job expire_holds failed.")
    assert "Ana" not in "".join(log.text)
