"""Every test that SECURITY.md names exists, and every row of its threat model names one."""

import re

from ledger.env import BASE_DIR

TEXT = (BASE_DIR / "SECURITY.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`(tests/[\w/]+\.py)`", TEXT))


def test_every_named_test_exists() -> None:
    assert len(NAMED) > 30
    assert [name for name in sorted(NAMED) if not (BASE_DIR / name).is_file()] == []


def test_every_row_of_the_threat_model_is_shown_by_a_test() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("| ")]
    assert [row for row in rows[1:] if "`tests/" not in row] == []
