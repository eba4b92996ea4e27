"""docs/features.md: each feature names browser tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROWS = [
    line.split("|")[1:3]
    for line in (ROOT / "docs" / "features.md").read_text().splitlines()
    if "::" in line
]


def test_there_are_25_features() -> None:
    assert len(ROWS) == 25


@pytest.mark.parametrize(("feature", "tests"), ROWS, ids=[row[0].strip() for row in ROWS])
def test_each_named_test_exists(feature: str, tests: str) -> None:
    named = re.findall(r"`(\w+\.py)::(\w+)`", tests)
    assert len(named) == tests.count("::")
    for file, test in named:
        source = (ROOT / "tests" / "browser" / file).read_text()
        assert re.search(rf"^def {test}\(", source, re.MULTILINE), f"{file}::{test}"
