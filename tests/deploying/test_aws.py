"""The templates of deploy/aws: their own tests, in their own environment."""

import os
import shutil
import subprocess

import pytest

from ledger.env import BASE_DIR
from tests.optional import IN_CI


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
