"""Recipes of full-text search, each held against words that plain Python finds."""

import re
from collections import Counter
from typing import Any

import pytest

from tests.cookbook.conftest import Cook

INDEX = "Bitmap Index Scan on transactions_search"


@pytest.fixture
def descriptions(rows: Any) -> Counter[str]:
    """How often each description is there."""
    return Counter(text for (text,) in rows("SELECT description FROM transactions"))


def wording_of(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def with_words(descriptions: Counter[str], *words: str) -> Counter[str]:
    """The descriptions with all of the words."""
    return Counter(
        {text: times for text, times in descriptions.items() if set(words) <= set(wording_of(text))}
    )


def test_on_the_fly_and_generated(cook: Cook, descriptions: Counter[str]) -> None:
    times = with_words(descriptions, "lottery").total()
    ran = cook("words-on-the-fly-and-generated")
    assert ran.value == {"on the fly": times, "generated column": times}
    assert times == 17
    on_the_fly, generated = ran.work.queries
    assert "Seq Scan on transactions" in on_the_fly.plan
    assert INDEX in generated.plan
    assert "to_tsvector" not in generated.sql


def test_weights(cook: Cook, rows: Any) -> None:
    june = {
        (description, reference)
        for description, reference in rows(
            "SELECT description, reference FROM transactions"
            " WHERE value_date BETWEEN '2026-06-01' AND '2026-06-30'"
        )
        if "rent" in wording_of(f"{description} {reference}")
    }
    found = list(cook("rent-by-weights").value)
    assert {(row["description"], row["reference"]) for row in found} <= june
    assert found[0]["description"] == "Rent for June"
    assert all("rent" not in wording_of(row["description"]) for row in found[1:])
    # ts_rank is 0.6079... times the weight of a word that is there once.
    assert found[1]["rank"] == pytest.approx(0.6079271 * 0.1)
    assert found[0]["rank"] > 10 * found[1]["rank"]


def test_plain_and_phrase(cook: Cook, descriptions: Counter[str]) -> None:
    anywhere = with_words(descriptions, "half", "of", "dinner").total()
    in_a_row = sum(
        times for text, times in descriptions.items() if "half of dinner" in text.lower()
    )
    ran = cook("dinners-plain-and-phrase")
    assert ran.value == [
        {"typed": "half of dinner", "plain": anywhere, "phrase": in_a_row},
        {"typed": "dinner of half", "plain": anywhere, "phrase": 0},
    ]
    assert anywhere > 0
    assert "'half' <-> 'of' <-> 'dinner'" in ran.work.queries[1].plan.replace("''", "'")


def test_a_phrase_is_rechecked_on_each_row(cook: Cook) -> None:
    ran = cook("dinners-plain-and-phrase", words="dinner of half")
    assert "Rows Removed by Index Recheck: 59" in ran.work.queries[1].plan


def test_websearch(cook: Cook, descriptions: Counter[str]) -> None:
    halves = Counter(
        {
            text: times
            for text, times in descriptions.items()
            if "half of" in text.lower() and "dinner" not in wording_of(text)
        }
    )
    ran = cook("typed-by-people-websearch")
    assert {row["description"]: row["times"] for row in ran.value} == halves + with_words(
        descriptions, "lottery"
    )
    assert halves == {"Half of the pizza": 49}
    assert "'half' <-> 'of' & !'dinner' | 'lottery'" in ran.work.queries[0].plan.replace("''", "'")
    assert not cook("typed-by-people-websearch", typed="or ((").error


def test_raw(cook: Cook, descriptions: Counter[str]) -> None:
    halves = with_words(descriptions, "half", "pizza") + with_words(descriptions, "half", "dinner")
    wanted = {text: times for text, times in halves.items() if "your" not in wording_of(text)}
    found = cook("dinners-by-raw-query").value
    assert {row["description"]: row["times"] for row in found} == wanted
    assert len(wanted) == 2


def test_raw_asks_for_words_of_one_weight(cook: Cook, descriptions: Counter[str]) -> None:
    titles = with_words(descriptions, "rent")
    found = list(cook("dinners-by-raw-query", query="rent:A").value)
    assert len(found) == 8
    assert {row["description"] for row in found} <= set(titles)
    by_reference = list(cook("dinners-by-raw-query", query="rent").value)
    assert not {row["description"] for row in by_reference} <= set(titles)


def test_prefix(cook: Cook, descriptions: Counter[str]) -> None:
    wanted = {
        text: times
        for text, times in descriptions.items()
        if any(word.startswith("lott") for word in wording_of(text))
    }
    ran = cook("words-by-prefix")
    assert {row["description"]: row["times"] for row in ran.value} == wanted
    assert INDEX in ran.work.queries[0].plan
    (pizza,) = cook("words-by-prefix", beginning="the piz").value
    assert pizza == {"description": "Half of the pizza", "times": 49}


@pytest.mark.parametrize("typed", ["l'o (", "a\\b", "& |"])
def test_a_prefix_takes_whatever_is_typed(cook: Cook, typed: str) -> None:
    assert not cook("words-by-prefix", beginning=typed).error


def test_rank(cook: Cook, descriptions: Counter[str]) -> None:
    asked = {"half", "dinner", "pizza"}
    of_text = {text: len(asked & set(wording_of(text))) for text in descriptions}
    found = list(cook("ranked-matches").value)
    assert {row["description"] for row in found} == {text for text, n in of_text.items() if n}
    matched = [of_text[row["description"]] for row in found]
    assert matched == sorted(matched, reverse=True)
    assert set(matched) == {2, 1}
    assert found[0]["rank"] == pytest.approx(2 * found[-1]["rank"])


def test_rank_by_cover_density(cook: Cook) -> None:
    ran = cook("ranked-matches", cover_density=True)
    assert "ts_rank_cd(" in ran.work.queries[0].sql
    assert [row["rank"] for row in ran.value] == sorted(
        (row["rank"] for row in ran.value), reverse=True
    )


def test_headline_is_escaped_by_us_and_not_by_postgres(
    cook: Cook, descriptions: Counter[str]
) -> None:
    found = cook("safe-headline").value
    assert found == [
        {
            "as Postgres gives it": "⟦Farm⟧ & Fennel",
            "safe to show": "<mark>Farm</mark> &amp; Fennel",
        },
        {
            "as Postgres gives it": "Root & Stem ⟦Farm⟧",
            "safe to show": "Root &amp; Stem <mark>Farm</mark>",
        },
    ]
    assert set(with_words(descriptions, "farm")) == {"Farm & Fennel", "Root & Stem Farm"}


def test_markup_goes_through_a_headline(rows: Any) -> None:
    ((headline,),) = rows(
        "SELECT ts_headline('simple', %s, to_tsquery('simple', 'farm'))",
        "<svg/onload=alert(1)> farm",
    )
    assert headline == "<svg/onload=alert(1)> <b>farm</b>"


def test_languages(cook: Cook, descriptions: Counter[str]) -> None:
    books = with_words(descriptions, "books").total()
    stem = sum(
        times for text, times in descriptions.items() if {"book", "books"} & set(wording_of(text))
    )
    ran = cook("books-in-languages")
    assert ran.value == {"english": stem, "simple": books}
    assert stem > books > 0
    assert "'book'" in ran.work.queries[0].plan


def test_a_minimum_rank_keeps_the_best_and_uses_the_index(cook: Cook) -> None:
    every = {row["description"]: row["rank"] for row in cook("matches-above-a-rank", rank=0).value}
    ran = cook("matches-above-a-rank")
    kept = {row["description"]: row["rank"] for row in ran.value}
    assert kept == {text: rank for text, rank in every.items() if rank >= 0.3}
    assert 0 < len(kept) < len(every)
    assert INDEX in ran.work.queries[0].plan


def test_an_annotation_may_not_have_the_name_of_the_column(
    cook: Cook, descriptions: Counter[str]
) -> None:
    times = with_words(descriptions, "lottery").total()
    ran = cook("annotated-beside-the-column")
    refused, annotated, stored = ran.value.values()
    assert "search" in refused
    assert annotated == stored == times
    on_the_fly, by_index = ran.work.queries
    assert "Seq Scan on transactions" in on_the_fly.plan
    assert INDEX in by_index.plan
