"""`manage.py test` runs pytest on the tests that its labels name."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test.runner import get_max_test_processes
from django.test.utils import get_runner

from ledger.env import BASE_DIR
from ledger.management import pytest_runner
from ledger.management.pytest_runner import PytestRunner, place_of

FILE = "tests/ledger/test_typed_days.py"
TEST = "test_a_statement_takes_only_days_as_it_says"
QUICK = ["-m", "not slow"]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would be run."""
    found: list[list[str]] = []

    def run(command: list[str], **_options: Any) -> subprocess.CompletedProcess[str]:
        found.append(command[1:])
        return subprocess.CompletedProcess(command, returncode=pytest_runner.CHOSE_NO_TEST)

    monkeypatch.setattr(subprocess, "run", run)
    return found


@pytest.mark.parametrize(
    ("named", "module"),
    [("ledger.settings", "tests.settings"), ("tests.settings", "tests.settings"), ("x.y", "x.y")],
)
def test_no_test_sees_the_database_of_a_bank(
    named: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = dict[str, str]()

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        given.update(options["env"])
        return subprocess.CompletedProcess(command, returncode=0)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setenv("DATABASE_URL", "postgresql://me@bank/books")
    monkeypatch.setenv("DB_NAME", "books")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", named)
    assert PytestRunner().run_tests([]) == 0
    assert (given["DATABASE_URL"], given["DB_NAME"]) == ("", "")
    assert given["DJANGO_SETTINGS_MODULE"] == module


def test_settings_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    given = dict[str, str]()

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        given.update(options["env"])
        return subprocess.CompletedProcess(command, returncode=0)

    monkeypatch.setattr(subprocess, "run", run)
    call_command("test", "api", settings="own_settings")
    assert given["DJANGO_SETTINGS_MODULE"] == "own_settings"


def test_the_settings_of_the_site_are_refused(commands: list[list[str]]) -> None:
    with pytest.raises(CommandError, match=r"from tests\.settings import"):
        call_command("test", "api", settings="ledger.settings")
    assert commands == []


def test_tests_run_with_a_settings_module_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "own_settings.py").write_text("from tests.settings import *\nOWN = True\n")
    chosen = ["--settings", "own_settings", "--pythonpath", str(tmp_path)]
    command = [sys.executable, "manage.py", "test", f"{FILE}::{TEST}", "-v2", *chosen]
    ended = subprocess.run(command, cwd=BASE_DIR, check=False, capture_output=True, text=True)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "settings: own_settings" in ended.stdout


@pytest.mark.parametrize(
    ("label", "place"),
    [
        (".", "tests"),
        ("accounts", "tests/accounts"),
        ("accounts.tests", "tests/accounts"),
        ("accounts/", "tests/accounts"),
        ("./accounts", "tests/accounts"),
        ("alerts", "tests/banking/alerts"),
        ("alerts.tests", "tests/banking/alerts"),
        ("banking/alerts", "tests/banking/alerts"),
        ("ledger_db", "tests/ledger/db"),
        ("accounts.sign_in", "tests/accounts/sign_in"),
        ("tests/accounts", "tests/accounts"),
        ("./tests/accounts/", "./tests/accounts/"),
        (FILE, FILE),
        (f"{FILE}::{TEST}", f"{FILE}::{TEST}"),
        ("ledger.test_typed_days", FILE),
        ("ledger.tests.test_typed_days", FILE),
        ("tests.ledger.test_typed_days", FILE),
        (f"tests.ledger.test_typed_days.{TEST}", f"{FILE}::{TEST}"),
        (f"ledger.test_typed_days.Days.{TEST}", f"{FILE}::Days::{TEST}"),
    ],
)
def test_a_label_names_tests_as_django_does_and_as_pytest_does(label: str, place: str) -> None:
    assert place_of(label) == place


@pytest.mark.parametrize(
    "label", ["", "nothing", "accounts.nothing", "tests.tests", "manage.py", "..", "/"]
)
def test_a_label_without_tests_is_refused(label: str) -> None:
    with pytest.raises(CommandError):
        place_of(label)


@pytest.mark.parametrize("label", ["", "..", "tests/nothing.py", "tests.nothing"])
def test_a_mistyped_name_below_tests_moves_no_tests(label: str) -> None:
    with pytest.raises(CommandError) as refused:
        place_of(label)
    assert "Move" not in str(refused.value)


def test_tests_in_the_folder_of_an_app_have_to_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As startapp writes them, or a folder of them: nothing would run them."""
    (tmp_path / "polls").mkdir()
    (tmp_path / "polls" / "tests.py").touch()
    (tmp_path / "catalog" / "tests").mkdir(parents=True)
    monkeypatch.setattr(pytest_runner, "BASE_DIR", tmp_path)
    for label in ("polls", "catalog", "catalog.tests", "catalog/tests/test_models.py"):
        with pytest.raises(CommandError, match=rf"tests/{label[:5]}.*force_login\(UserFactory"):
            place_of(label)


@pytest.mark.parametrize(
    ("given", "processes", "options"),
    [
        ("", "auto", QUICK),
        (".", "auto", [*QUICK, "tests"]),
        ("api", "0", [*QUICK, "tests/api"]),
        ("api --slow --failfast -v2", "0", ["-v", "-x", "tests/api"]),
        ("api --parallel", str(get_max_test_processes()), [*QUICK, "tests/api"]),
        ("api --parallel 3 --slow", "3", ["tests/api"]),
        ("api --slow -k one -k two", "0", ["-k", "one or two", "tests/api"]),
        ("api --slow -k *", "0", ["-k", "(test)", "tests/api"]),
        ("api --slow -k ?ne[a-c]", "0", ["-k", "(ne)", "tests/api"]),
        ("api --slow -k *one -k t*wo*", "0", ["-k", "(one) or (t and wo)", "tests/api"]),
    ],
)
def test_options_are_those_of_pytest(
    given: str, processes: str, options: list[str], commands: list[list[str]]
) -> None:
    with pytest.raises(CommandError) as refused:  # pytest chose no test
        call_command("test", *given.split())

    assert commands == [["-m", "pytest", "-n", processes, "--dist", "loadgroup", *options]]
    advises = "--slow" in str(refused.value)
    assert advises is ("--slow" not in given)


@pytest.mark.parametrize("given", ["api --parallel accounts", "--parallel=-1"])
def test_a_number_of_processes_that_is_none_is_refused(
    given: str, commands: list[list[str]]
) -> None:
    with pytest.raises(CommandError):
        call_command("test", *given.split())
    assert commands == []


@pytest.mark.parametrize(
    "given", ["--pdb", "--tag slow", "api --reverse", "--debug-mode", "-p x*.py"]
)
def test_an_option_of_djangos_runner_leads_to_pytest(given: str, commands: list[list[str]]) -> None:
    with pytest.raises(CommandError, match="-m pytest"):
        call_command("test", *given.split())
    assert commands == []


def test_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pytest_runner, "find_spec", lambda _name: None)
    with pytest.raises(CommandError, match="make install-dev"):
        PytestRunner().run_tests([])
    monkeypatch.setattr(pytest_runner, "TESTS", tmp_path / "tests")
    with pytest.raises(CommandError, match="repository"):
        PytestRunner().run_tests([])


def test_the_setting_names_it(settings: Any) -> None:
    assert get_runner(settings) is PytestRunner


@pytest.mark.parametrize(("label", "code"), [(f"{FILE}::{TEST}", 0), (f"{FILE}::test_no", 1)])
def test_manage_py_runs_the_tests_and_ends_with_their_result(label: str, code: int) -> None:
    command = [sys.executable, "manage.py", "test", label]
    ended = subprocess.run(command, cwd=BASE_DIR, check=False, capture_output=True, text=True)

    assert ended.returncode == code, ended.stderr
    assert ("1 passed" in ended.stdout) is (code == 0)
