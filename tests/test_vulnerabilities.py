"""`make audit` fails for a weak dependency, and says so where it could check nothing."""

import json
from typing import Any

import pytest

from tests.vulnerabilities import verdict

CLEAN = {"name": "django", "version": "5.2.19", "vulns": []}
WEAK = {
    "name": "pillow",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1"]}],
}
UNKNOWN = {"name": "ours", "skip_reason": "Dependency not found on PyPI"}


def report(*dependencies: dict[str, Any]) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


def test_a_known_weakness_fails_and_is_named() -> None:
    code, sentence = verdict(report(CLEAN, WEAK, UNKNOWN), "Found 1 known vulnerability")

    assert code == 1
    assert "pillow 1.0: PYSEC-2026-1, mended in 1.1" in sentence


@pytest.mark.parametrize(
    ("printed", "complaint", "reason"),
    [
        (report(UNKNOWN), "No known vulnerabilities found", "none of 1"),
        ("", "WARNING\nrequests.exceptions.ConnectionError: no route", "no route"),
        ("", "", "nothing"),
        ("[]", "odd", "odd"),
    ],
)
def test_without_data_it_says_skipped_and_does_not_fail(
    printed: str, complaint: str, reason: str
) -> None:
    code, sentence = verdict(printed, complaint)

    assert code == 0
    assert "skipped" in sentence
    assert reason in sentence


def test_a_clean_check_says_what_it_could_not_check() -> None:
    assert verdict(report(CLEAN), "") == (0, "Dependencies: 1 checked, no known weakness.")
    code, sentence = verdict(report(CLEAN, UNKNOWN), "")
    assert (code, "ours" in sentence, "skipped" in sentence) == (0, True, False)
