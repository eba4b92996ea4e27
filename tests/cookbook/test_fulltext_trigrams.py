"""Recipes of texts with slips and accents."""

from decimal import Decimal
from typing import Any

import pytest

from tests.cookbook.conftest import Cook


@pytest.mark.parametrize("name", ["Anna Fereira", "ana ferrera"])
def test_a_misspelt_name_is_found(cook: Cook, name: str) -> None:
    found = cook("people-by-trigram-similarity", name=name).value
    assert found[0]["name"] == "Ana Ferreira"
    assert all(row["similarity"] >= 0.3 for row in found)
    assert not cook("people-by-trigram-similarity", name=name, at_least=Decimal("0.99")).value


def test_a_word_is_compared_with_a_part_of_the_text(cook: Cook) -> None:
    found = cook("places-by-trigram-word-similarity", word="Centrall").value
    assert len(found) == 3
    assert all("Central" in row["place"] and row["similarity"] > 0.6 for row in found)


def test_accents_are_ignored_on_both_sides(cook: Cook, rows: Any) -> None:
    ((times,),) = rows("SELECT count(*) FROM visits WHERE place LIKE 'Café São%%'")
    for text in ("cafe sao", "çafé são"):
        found = cook("places-by-unaccent", text=text).value
        assert found == {"icontains": 0, "unaccent__icontains": times}
    assert times


def test_a_distance_is_one_minus_the_similarity(cook: Cook) -> None:
    (found,) = cook("places-by-trigram-distance").value
    assert found["place"].startswith("Tasca Central")
    assert found["word_distance"] == pytest.approx(1 - found["word_similarity"])
    assert found["strict_distance"] == pytest.approx(1 - found["strict_similarity"])
    assert found["strict_similarity"] < found["word_similarity"]
