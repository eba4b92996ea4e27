"""Fuzzy matching: the closest words of a list, and how similar two texts are."""

import pytest

from ledger.text.fuzzy import closest, similarity

STATUSES = ["pending", "booked", "captured", "released"]


@pytest.mark.parametrize(
    ("typed", "found"), [("pendnig", ["pending"]), ("releasd", ["released"]), ("xyz", []), ("", [])]
)
def test_the_closest_word_is_found(typed: str, found: list[str]) -> None:
    assert closest(typed, STATUSES) == found


def test_several_words_come_best_first_and_a_cutoff_leaves_out_the_rest() -> None:
    words = ["card", "cards", "care", "window"]
    assert closest("card", words, 3) == ["card", "cards", "care"]
    assert closest("card", words, 3, cutoff=0.8) == ["card", "cards"]


def test_similarity_is_a_ratio_or_zero_below_the_cutoff() -> None:
    assert similarity("mara", "mara") == 1
    assert similarity("mara", "marla") == pytest.approx(8 / 9)
    assert similarity("mara", "marla", cutoff=0.9) == 0
    assert similarity("mara", "zoltan") == 0


def test_similarity_of_long_texts_counts_frequent_letters_too() -> None:
    assert similarity("a" * 300, "a" * 300 + "b") > 0.99
