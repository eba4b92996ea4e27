"""The tests that SECURITY.md and docs/asvs.md name exist; each row of the threats names one."""

import re

import pytest

from ledger.env import BASE_DIR

THREATS = "SECURITY.md"


def text_of(document: str) -> str:
    return (BASE_DIR / document).read_text(encoding="utf-8")


@pytest.mark.parametrize("document", [THREATS, "docs/asvs.md"])
def test_every_named_test_exists(document: str) -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", text_of(document)))
    assert len(named) > 30
    assert [name for name in sorted(named) if not (BASE_DIR / name).is_file()] == []


def test_every_row_of_the_threat_model_is_shown_by_a_test() -> None:
    rows = [line for line in text_of(THREATS).splitlines() if line.startswith("| ")]
    assert [row for row in rows[1:] if "`tests/" not in row] == []
