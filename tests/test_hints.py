"""A test that is written or run as in other Django projects fails with a hint."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.env import BASE_DIR

WITHOUT_PLUGINS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
TUTORIAL = """
import unittest

class Page:
    status_code = {status}

class PollsTests(unittest.TestCase):
    def test_index(self):
        self.assertEqual(Page.status_code, 200)

def test_detail():
    assert Page().status_code == 200
"""


def run(test: Path, settings_module: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.hints", str(test)],
        cwd=BASE_DIR,
        env={**os.environ, **WITHOUT_PLUGINS, "DJANGO_SETTINGS_MODULE": settings_module},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("status", "hints"), [(302, 2), (404, 0)])
def test_a_redirect_in_place_of_a_page_leads_to_the_sign_in(
    status: int, hints: int, tmp_path: Path
) -> None:
    test = tmp_path / "test_polls.py"
    test.write_text(TUTORIAL.format(status=status))
    done = run(test, "tests.settings")
    assert "2 failed" in done.stdout, done.stderr
    assert done.stdout.count("client.force_login(UserFactory())") == hints


def test_tests_with_the_settings_of_the_site_end_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "test_polls.py").write_text("def test_index(): pass\n")
    done = run(tmp_path, "ledger.settings")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "from tests.settings import *" in done.stderr
    assert "Traceback" not in done.stderr
