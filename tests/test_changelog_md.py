"""CHANGELOG.md: each version begins with the steps of an operator before the upgrade."""

import re
import tomllib

import pytest

from ledger.env import BASE_DIR

FIRST = "Before you upgrade"
WHOLE = (BASE_DIR / "CHANGELOG.md").read_text()
SECTION = re.compile(r"^## (\S+) \((unreleased|\d{4}-\d{2}-\d{2})\)\n(.*?)(?=^## |\Z)", re.M | re.S)
SECTIONS = {found[1]: found[3] for found in SECTION.finditer(WHOLE)}


def test_each_heading_is_a_version_with_its_day_and_the_first_is_this_one() -> None:
    assert [line.split()[1] for line in re.findall(r"^## .*", WHOLE, re.M)] == [*SECTIONS]
    package = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]
    assert next(iter(SECTIONS)) == package["version"]


@pytest.mark.parametrize("version", SECTIONS)
def test_each_version_begins_with_what_to_do_before_the_upgrade(version: str) -> None:
    parts = re.split(r"^### (.*)\n", SECTIONS[version], flags=re.M)
    headings = parts[1::2]
    assert headings[0] == FIRST
    assert headings.count(FIRST) == 1
    assert parts[2].strip(), "it says at least that there is nothing to do"
