"""Tests that need a program are counted if the program is missing, or fail if CI has to have it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.env import BASE_DIR
from tests.missing_programs import NEEDED

TESTS = """
import pytest
from tests.programs import needs

@needs("nginx", None)
@pytest.mark.parametrize("case", [1, 2])
def test_nginx(case):
    pass

@needs("redis-server", "/usr/bin/redis-server")
def test_redis():
    pass

def test_browser():
    pytest.skip("needs a browser: apt-get install chromium")

def test_root():
    pytest.skip("needs root")
"""


def run(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_those.py").write_text(TESTS)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.missing_programs", str(folder)],
        cwd=BASE_DIR,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", NEEDED: "", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_tests_without_a_program_are_counted_by_its_package(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed, 4 skipped" in done.stdout
    assert "Tests skipped because a package is missing: chromium 1, nginx 2." in done.stdout


def test_they_fail_where_every_program_has_to_be(tmp_path: Path) -> None:
    done = run(tmp_path, **{NEEDED: "yes"})
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 failed, 1 passed, 1 skipped, 2 errors" in done.stdout
    assert f"{NEEDED} is set: apt-get install nginx" in done.stdout


def test_ci_installs_the_package_of_each_program() -> None:
    ci = (BASE_DIR / ".ci/run").read_text()
    installed = {*" ".join(re.findall("^ *install (.*)", ci, re.MULTILINE)).split()}
    named = re.compile(r'(?:needs|REASON\.format)\("([\w-]+)"')
    needed = {
        package
        for file in (BASE_DIR / "tests").rglob("*.py")
        if file != Path(__file__)
        for package in named.findall(file.read_text())
    }
    assert {"nginx", "redis-server", "pgbouncer", "chromium"} <= needed <= installed
