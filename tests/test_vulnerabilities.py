"""`make audit` fails for a vulnerable dependency, and prints a message if it could check
nothing.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests import vulnerabilities
from tests.vulnerabilities import LOCKS, ROOT, verdict

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


def test_every_lock_file_is_checked_and_one_weak_one_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    weak = LOCKS[-1]

    def answer(lock: str) -> tuple[int, str]:
        return verdict(report(WEAK if lock == weak else CLEAN), "")

    monkeypatch.setattr(vulnerabilities, "checked", answer)
    assert vulnerabilities.main() == 1
    printed = capsys.readouterr().out
    assert all(f"{lock}: " in printed for lock in LOCKS)


@pytest.mark.parametrize(
    "printed", ["", report(UNKNOWN)], ids=["a pip-audit that is broken", "an index without data"]
)
def test_what_could_not_be_checked_fails_where_it_is_required(
    monkeypatch: pytest.MonkeyPatch, printed: str
) -> None:
    complaint = "pip_audit: error: unrecognized arguments: --format"
    answers = {**dict.fromkeys(LOCKS, report(CLEAN)), LOCKS[1]: printed}
    monkeypatch.setattr(vulnerabilities, "checked", lambda lock: verdict(answers[lock], complaint))
    assert vulnerabilities.main([]) == 0
    assert vulnerabilities.main(["--required"]) == 1
    answers[LOCKS[1]] = report(CLEAN)
    assert vulnerabilities.main(["--required"]) == 0


def test_the_checked_locks_name_all_that_the_others_name() -> None:
    def packages(lock: Path) -> set[str]:
        return {line.split()[0] for line in lock.read_text().splitlines() if "==" in line[:80]}

    locks = {path.relative_to(ROOT).as_posix() for path in ROOT.rglob("requirements*.lock")}
    ours = {each for each in locks if not each.startswith(".")}
    assert set(LOCKS) < ours
    named = set().union(*(packages(ROOT / lock) for lock in LOCKS))
    for lock in ours:
        assert packages(ROOT / lock) <= named, lock
