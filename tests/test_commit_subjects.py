"""The form of commit subjects."""

from pathlib import Path

import pytest

from tests.commit_subjects import MAX_LENGTH, main, problems


@pytest.mark.parametrize(
    "subject",
    [
        "search: Fold accents",
        "ledger/db: Close idle connections",
        'Revert "search: Fold accents"',
        "x: " + "A" * (MAX_LENGTH - 3),
    ],
)
def test_a_subject_of_this_form_passes(subject: str) -> None:
    assert list(problems(subject)) == []


@pytest.mark.parametrize(
    "subject",
    [
        "Fold accents",
        "search: fold accents",
        "Search: Fold accents",
        "search: Fold accents.",
        "search:Fold accents",
        "x: " + "A" * (MAX_LENGTH - 2),
        "",
    ],
)
def test_any_other_subject_is_refused(subject: str, tmp_path: Path) -> None:
    message = tmp_path / "message"
    message.write_text(f"{subject}\n\nThe reason.\n")
    assert main([str(message)]) == 1


def test_only_the_first_line_of_a_message_is_a_subject(tmp_path: Path) -> None:
    message = tmp_path / "message"
    message.write_text("search: Fold accents\n\nPeople type cafe. They mean café.\n")
    assert main([str(message)]) == 0
