"""Fuzzy matching: the closest words of a list, and how similar two texts are."""

from difflib import SequenceMatcher
from typing import Any

import pytest
from django.db import connection

from ledger.text.fuzzy import LONGEST, MAX_COMPARED, closest, folded, similarities, similarity

STATUSES = ["pending", "booked", "captured", "released"]


@pytest.mark.django_db
def test_european_letters_are_folded_as_by_unaccent() -> None:
    others = "\u0149\u013f\u0140\u017f"  # 'n, and L and l with a dot, and the long s
    letters = [c for c in map(chr, range(0xC0, 0x180)) if c.isalpha() and c not in others]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT letter, lower(extensions.unaccent(letter)) FROM unnest(%s::text[]) AS letter",
            [[*letters, "ẞ", "Straße"]],
        )
        rows = dict(cursor.fetchall())
    assert {letter: folded(letter) for letter in rows} == rows


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


def test_of_many_words_those_with_the_most_letters_in_common_are_compared() -> None:
    found = similarities("salray", ["salary", "window", "salads", "rent"], cutoff=0.7)
    assert found == {"salary": similarity("salray", "salary")}
    assert similarities("mara", ["mara", "marla"]) == {"mara": 1, "marla": pytest.approx(8 / 9)}


def test_words_of_few_letters_cost_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Note [Bounded similarity]."""
    lengths = []
    ratio = SequenceMatcher.ratio

    def counted(matcher: Any) -> float:
        lengths.append(max(len(matcher.a), len(matcher.b)))
        return ratio(matcher)

    monkeypatch.setattr(SequenceMatcher, "ratio", counted)
    words = [f"{number:0200b}" for number in range(2 * MAX_COMPARED)]
    similarities(words[0], words, cutoff=0)
    similarity(words[0], words[1], cutoff=0)
    closest(words[0], words[1:9], cutoff=0.1)
    assert (len(lengths), max(lengths)) == (MAX_COMPARED + 9, LONGEST)
