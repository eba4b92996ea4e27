"""The commands in CONTRIBUTING.md work, and its list of folders of tests is complete."""

import inspect
import re
from typing import Any

import pytest
from django.apps import apps
from django.test import Client

from ledger.env import BASE_DIR
from tests.checks import tracked_paths
from tests.template import APPS

CODE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGE = (BASE_DIR / "CONTRIBUTING.md").read_text()
FOLDERS_TABLE = re.compile(r"^\| folder of `tests/` .*\n((?:\|.*\n)+)", re.MULTILINE)


@pytest.mark.django_db
def test_the_example_of_a_test_passes(client: Client) -> None:
    (code,) = CODE.findall(PAGE)
    names = dict[str, Any]()
    exec(code, names)  # noqa: S102 - our own page
    tests = [each for name, each in names.items() if name.startswith("test_")]
    assert tests
    for test in tests:
        assert [*inspect.signature(test).parameters] == ["client"]
        test(client)


def test_each_folder_of_tests_mirrors_a_package_or_has_a_reason() -> None:
    (rows,) = FOLDERS_TABLE.findall(PAGE)
    cells = [row.split("|")[1] for row in rows.splitlines()]
    listed = {name for cell in cells for name in re.findall(r"`([\w/]+/)`", cell)}
    folders = {
        f"{path.removeprefix('tests/').rpartition('/')[0]}/"
        for path in tracked_paths()
        if path.startswith("tests/") and path.count("/") > 1
    }
    other = {each for each in folders if not (BASE_DIR / each / "__init__.py").exists()}
    assert {each for each in other if not each.startswith(tuple(listed))} == set()
    assert listed - other == set()


def test_each_app_has_a_folder_of_tests() -> None:
    names = [app.name for app in apps.get_app_configs() if app.name.partition(".")[0] in APPS]
    folders = [BASE_DIR / "tests" / name.replace(".", "/") for name in names]
    assert [folder for folder in folders if not [*folder.glob("**/test_*.py")]] == []
    assert len(folders) > 15
