"""`manage.py --settings` and DJANGO_SETTINGS_MODULE choose the settings of a command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.env import BASE_DIR
from tests.ledger.processes import assert_one_sentence, free_port


def manage(*arguments: str, **surroundings: str) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "manage.py", *arguments, **surroundings)


def run(*command: str, **surroundings: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return subprocess.run(
        command,
        cwd=BASE_DIR, env={**env, **surroundings}, check=False, capture_output=True, text=True,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.parametrize(
    "chosen", [["--settings", "tests.settings"], ["--settings=tests.settings"], []]
)
def test_they_are_read_from_the_module_that_is_named(chosen: list[str]) -> None:
    named = {} if chosen else {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    shown = manage("diffsettings", *chosen, **named)

    assert shown.returncode == 0, shown.stderr
    assert "MD5PasswordHasher" in shown.stdout


@pytest.mark.parametrize(
    ("engine", "commands"),
    [
        ("django.db.backends.postgresql", ["check", "migrate", "shell"]),
        ("no_such_package.backends.postgresql", ["check"]),
    ],
)
def test_the_engine_of_a_tutorial_is_refused_by_a_sentence(
    engine: str, commands: list[str], tmp_path: Path
) -> None:
    database = {"ENGINE": engine, "NAME": "polls"}
    (tmp_path / "polls_settings.py").write_text(
        f"from ledger.settings import *\nDATABASES = {{'default': {database}}}\n"
    )
    for command in commands:
        done = manage(command, "--settings", "polls_settings", "--pythonpath", str(tmp_path))
        assert done.returncode == 1
        assert "DATABASE_URL" in done.stderr
        assert "Traceback" not in done.stderr


def test_the_engine_of_a_second_database_is_named_if_it_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "own_settings.py").write_text(
        "from ledger.settings import *\n"
        "DATABASES['polls'] = {'ENGINE': 'django.db.backends.postgres', 'NAME': 'polls'}\n"
    )
    done = manage("check", "--settings", "own_settings", "--pythonpath", str(tmp_path))
    assert done.returncode == 1
    assert "own_settings" in done.stderr
    assert "'django.db.backends.postgres'" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_of_other_code_keeps_its_traceback(tmp_path: Path) -> None:
    (tmp_path / "no_routes.py").write_text("urlpatterns = None\n")
    (tmp_path / "own_settings.py").write_text(
        "from tests.settings import *\nROOT_URLCONF = 'no_routes'\n"
    )
    done = manage("check", "--settings", "own_settings", "--pythonpath", str(tmp_path))
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "no_routes" in done.stderr


@pytest.mark.parametrize("databases", [{}, {"default": {}}])
def test_a_missing_engine_is_named(databases: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "own_settings.py").write_text(
        f"from tests.settings import *\nDATABASES = {databases}\n"
    )
    done = manage("check", "--settings", "own_settings", "--pythonpath", str(tmp_path))
    assert_one_sentence(done, "no engine", "DATABASE_URL")


def test_a_second_database_of_another_engine_is_checked_and_not_migrated(tmp_path: Path) -> None:
    away = {"HOST": "127.0.0.1", "PORT": free_port(), "NAME": "polls", "USER": "me"}
    (tmp_path / "own_settings.py").write_text(
        "from ledger.settings import *\n"
        "class Closed:\n    def allow_migrate(self, db, *args, **hints): return db == 'default'\n"
        "DATABASE_ROUTERS = [Closed()]\n"
        "DATABASES['legacy'] = {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}\n"
        f"DATABASES['away'] = {{'ENGINE': 'django.db.backends.postgresql', **{away}}}\n"
    )

    def run_on(alias: str, command: str) -> subprocess.CompletedProcess[str]:
        own = ("--settings", "own_settings", "--pythonpath", str(tmp_path))
        return manage(command, "--database", alias, *own)

    assert run_on("legacy", "check").returncode == 0
    assert 'DATABASES["away"]' in run_on("away", "check").stderr
    assert_one_sentence(run_on("legacy", "migrate"), "legacy", "django.db.backends.sqlite3")


def test_check_names_what_replaces_the_tokens_of_rest_framework(tmp_path: Path) -> None:
    (tmp_path / "token_settings.py").write_text(
        "from ledger.settings import *\n"
        "INSTALLED_APPS = [*INSTALLED_APPS, 'rest_framework.authtoken']\n"
    )
    done = manage("check", "--settings", "token_settings", "--pythonpath", str(tmp_path))
    assert "create_token" in done.stderr
    assert "docs/new-app.md" not in done.stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("INSTALLED_APPS += ['debug_toolbar']", "contains debug_toolbar, but"),
        ("INSTALLED_APPS += ['polls.apps.PollsConfig']", "no module polls."),
        ("INSTALLED_APPS += ['banking.branches']", "no module banking.branches."),
        ("DATABASE_ROUTERS = ['polls.routers.Router']", "DATABASE_ROUTERS in own_settings"),
        ("import dj_database_url", "imports dj_database_url, but"),
    ],
)
def test_a_package_that_is_not_installed_is_named(line: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "own_settings.py").write_text(f"from tests.settings import *\n{line}\n")
    ended = manage("check", "--settings", "own_settings", "--pythonpath", str(tmp_path))
    assert ended.returncode == 1
    assert message in ended.stderr
    assert "own_settings" in ended.stderr
    assert "docs/django.md" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1, ended.stderr


def test_what_an_app_itself_imports_keeps_its_traceback(tmp_path: Path) -> None:
    (tmp_path / "own_settings.py").write_text(
        "from tests.settings import *\nINSTALLED_APPS += ['polls']\n"
    )
    (tmp_path / "polls").mkdir()
    (tmp_path / "polls" / "__init__.py").write_text("import no_such_package\n")
    ended = manage("check", "--settings", "own_settings", "--pythonpath", str(tmp_path))
    assert "no_such_package" in ended.stderr
    assert "polls/__init__.py" in ended.stderr


def test_a_module_that_does_not_exist_is_named() -> None:
    for ended in (
        manage("check", "--settings", "no.such.module"),
        manage("check", DJANGO_SETTINGS_MODULE="no.such.module"),
        manage("check", "--settings=ledger.no", DJANGO_SETTINGS_MODULE="tests.settings"),
    ):
        assert ended.returncode == 1
        assert "Traceback" not in ended.stderr
        assert "no.such.module" in ended.stderr or "ledger.no" in ended.stderr
        assert "--settings" in ended.stderr


def test_an_option_without_a_value_is_named() -> None:
    ended = manage("check", "--settings")
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert "--settings" in ended.stderr


def test_they_may_lie_where_pythonpath_says(tmp_path: Path) -> None:
    (tmp_path / "settings_of_a_bank.py").write_text("from tests.settings import *  # noqa\n")
    shown = manage(
        "diffsettings", "--settings", "settings_of_a_bank", "--pythonpath", str(tmp_path)
    )
    assert shown.returncode == 0, shown.stderr
    assert "MD5PasswordHasher" in shown.stdout


def test_a_python_without_django_names_what_to_run() -> None:
    ended = run(sys.executable, "-S", "-E", "manage.py", "check")
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "make install" in ended.stderr
    assert ".venv/bin/python" in ended.stderr


def test_a_question_without_a_terminal_names_the_option(tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "of_before.css").touch()
    ended = manage("collectstatic", LEDGER_DATA_DIR=str(tmp_path))
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "--noinput" in ended.stderr


def test_processes_that_a_command_starts_get_pythonpath(tmp_path: Path) -> None:
    (tmp_path / "settings_of_a_bank.py").write_text(
        "import os\nfrom tests.settings import *  # noqa\nGIVEN = os.environ['PYTHONPATH']\n"
    )
    ended = manage(
        "diffsettings",
        *["--settings", "settings_of_a_bank", "--pythonpath", os.path.relpath(tmp_path, BASE_DIR)],
        PYTHONPATH="before",
    )
    assert f"GIVEN = '{tmp_path}:before'" in ended.stdout
