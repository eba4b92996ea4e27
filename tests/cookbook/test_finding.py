"""Questions as developers type them, and the recipe that has to be among the first answers."""

import pytest

from ledger.cookbook import finding
from ledger.cookbook.finding import find, meant

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("asked", "slug"),
    [
        ("group by", "spent-by-category"),
        ("how do I sum a column per group", "spent-by-category"),
        ("lost update", "lost-update"),
        ("two people change the same row", "lost-update"),
    ],
)
def test_a_question_finds_its_recipe_among_the_first_three(asked: str, slug: str) -> None:
    assert slug in [recipe.slug for recipe in find(asked)[:3]]


def test_a_recipe_with_all_the_words_stands_first() -> None:
    assert find("lost update")[0].slug == "lost-update"


@pytest.mark.parametrize("asked", ["", "   ", "'", "& | !", ":*", "how do I", "\\", "<->", "'; --"])
def test_what_is_no_question_finds_nothing(asked: str) -> None:
    assert find(asked) == []


def test_a_beginning_finds_while_one_types() -> None:
    assert "lost-update" in [recipe.slug for recipe in find("lost upd")]


def test_a_slip_of_the_fingers_is_mended() -> None:
    assert meant("uddate") == "update"
    assert meant("lost update") == ""


def test_a_long_text_is_cut() -> None:
    assert len(finding.words_of("word " * 1000)) == finding.MOST_WORDS
