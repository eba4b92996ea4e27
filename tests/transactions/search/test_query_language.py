"""The language: how a text is parsed, and that no text is an error."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from ledger.text.amounts import read_amount
from tests.transactions.search.shared import ROLES
from transactions.receipts.details import lines_of
from transactions.search.language.parser import (
    GROUPED,
    LONGEST,
    LONGEST_WORD,
    MOST_ITEMS,
    parse,
)
from transactions.search.language.terms import having, meta_field, token


def kinds_and_texts(text: str) -> list[list[tuple[Any, ...]]]:
    return [
        [(("not " if item.is_negated else "") + item.kind, item.text) for item in group]
        for group in parse(text).groups
    ]


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("", []),
        ("rent", [[("word", "rent")]]),
        ('rent "blue note"', [[("word", "rent"), ("phrase", "blue note")]]),
        ("rent -office", [[("word", "rent"), ("not word", "office")]]),
        ("a or b c", [[("word", "a")], [("word", "b"), ("word", "c")]]),
        ("a OR b", [[("word", "a")], [("word", "b")]]),
        ("or", [[("word", "or")]]),
        ("rent or", [[("word", "rent")]]),
        ("or or rent", [[("word", "rent")]]),
        ("to:mara", [[("to", "mara")]]),
        ("TO:mara", [[("to", "mara")]]),
        ('-category:"eating out"', [[("not category", "eating out")]]),
        ("meta.merchant.city:Porto", [[("meta", "Porto")]]),
        ("has:meta.fx", [[("has.meta", "meta.fx")]]),
        ("10:30", [[("word", "10:30")]]),
        ("http://x.example/a", [[("word", "http://x.example/a")]]),
        ("Re: invoice", [[("word", "Re"), ("word", "invoice")]]),
        ("-13.40 +10 \u22125", [[("signed", "-13.40"), ("signed", "+10"), ("signed", "\u22125")]]),
        ("13.40", [[("word", "13.40")]]),
        ("rent 1 234.50 food", [[("word", "rent"), ("word", "1 234.50"), ("word", "food")]]),
        ("room 1 234", [[("word", "room"), ("word", "1"), ("word", "234")]]),
        ('"open phrase', [[("phrase", "open phrase")]]),
        ("a\x00b", [[("word", "a"), ("word", "b")]]),
    ],
)  # fmt: skip
def test_a_text_is_read_as(text: str, groups: list[Any]) -> None:
    assert kinds_and_texts(text) == groups
    assert parse(text).mistakes == []


@pytest.mark.parametrize("text", ["weekday:t", "tag:", "tag:#", "meta.channel:"])
def test_a_value_that_is_not_complete_is_a_hint(text: str) -> None:
    (mistake,) = parse(text).mistakes
    assert mistake.is_hint


@pytest.mark.parametrize("text", ["weekday:x", f"meta.channel:{'x' * 300}"])
def test_a_value_that_cannot_be_is_a_mistake(text: str) -> None:
    (mistake,) = parse(text).mistakes
    assert not mistake.is_hint


def values(text: str) -> list[tuple[str, Any]]:
    (item,) = parse(text).items
    return list(item.value)


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("amount:100", [("exact", Decimal(100))]),
        ("amount:1,234.50", [("exact", Decimal("1234.50"))]),
        ("amount:1 234.50", [("exact", Decimal("1234.50"))]),
        ('amount:"1 234.50"', [("exact", Decimal("1234.50"))]),
        ("amount:>=1 234", [("gte", Decimal(1234))]),
        ("amount:900..1 234 567.5", [("gte", Decimal(900)), ("lte", Decimal("1234567.5"))]),
        ("amount:1\u202f000..2\u00a0000", [("gte", Decimal(1000)), ("lte", Decimal(2000))]),
        ("amount:>100", [("gt", Decimal(100))]),
        ("amount:>=100", [("gte", Decimal(100))]),
        ("amount:<=50", [("lte", Decimal(50))]),
        ("amount:100..200", [("gte", Decimal(100)), ("lte", Decimal(200))]),
        ("amount:100..", [("gte", Decimal(100))]),
        ("amount:..7", [("lte", Decimal(7))]),
        ("meta.x:>-1.5", [("gt", Decimal("-1.5"))]),
    ],
)
def test_amounts_and_their_ranges(text: str, bounds: list[tuple[str, Decimal]]) -> None:
    assert values(text) == bounds


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("date:2026", "2026-01-01", "2027-01-01"),
        ("date:2026-03", "2026-03-01", "2026-04-01"),
        ("date:2026-12", "2026-12-01", "2027-01-01"),
        ("date:2026-03-14", "2026-03-14", "2026-03-15"),
        ("date:2024-02-29", "2024-02-29", "2024-03-01"),
        ("date:2026-01..2026-03", "2026-01-01", "2026-04-01"),
        ("date:>2026-01", "2026-02-01", None),
        ("date:>=2026-01", "2026-01-01", None),
        ("date:<2026-03", None, "2026-03-01"),
        ("date:<=2026-03", None, "2026-04-01"),
        ("date:2026-03..", "2026-03-01", None),
        ("date:..2026-03", None, "2026-04-01"),
    ],
)
def test_days_run_from_midnight_to_midnight(
    text: str, first: str | None, after: str | None, settings: Any
) -> None:
    for zone in ("UTC", "Asia/Tokyo"):
        settings.TIME_ZONE = zone
        read = {name: f"{moment:%Y-%m-%d %H:%M}" for name, moment in values(text)}
        assert read.get("gte") == (first and f"{first} 00:00")
        assert read.get("lt") == (after and f"{after} 00:00")


@pytest.mark.parametrize(
    ("text", "fact", "suggestion"),
    [
        ("rent amout:5", "amout", "rent amount:5"),
        ("foo:bar rent", "foo", '"foo:bar" rent'),
        ("amount:lots", "lots", None),
        ("amount:-5", "is:out", "amount:5 is:out"),
        ("amount:12,50 rent", "12,50", "amount:12.50 rent"),
        ("amount:>1.234,50", "1.234,50", "amount:>1234.50"),
        ('amount:"1 234,50"', "1 234,50", "amount:1234.50"),
        ("amount:5..12,50", "12,50", "amount:5..12.50"),
        ("amount:12,x", "12,x", None),
        ("amount:9..5 x", "9..5", "amount:5..9 x"),
        ("date:2026-13", "2026-13", None),
        ("date:2026-02-30", "2026-02-30", None),
        ("date:14.03.2026", "14.03.2026", "date:2026-03-14"),
        ("date:11/20/2026", "11/20/2026", "date:2026-11-20"),
        ("date:20-11-2026 x", "20-11-2026", "date:2026-11-20 x"),
        ("date:>=11/20/2026", "11/20/2026", "date:>=2026-11-20"),
        ("date:1/11/2026..20/11/2026", "two days", "date:2026-11-01..2026-11-20"),
        ("date:2026-01..31.3.2026", "31.3.2026", "date:2026-01..2026-03-31"),
        ("date:31/31/2026", "31/31/2026", None),
        ("amount:>-5", "is:out", "amount:<5 is:out"),
        ("amount:<=\u22125 x", "is:out", "amount:>=5 is:out x"),
        ("amount:-10..-5", "is:out", "amount:5..10 is:out"),
        ("amount:>+5", "is:in", "amount:>5 is:in"),
        ("amount:-5..5", "is:in or is:out", None),
        ("-amount:-5", "is:out", None),
        ("meta:card rent", "meta.channel:card", None),
        ("date:1066", "between 1900 and 2999", None),
        ("date:2026-03..2026-01", "2026-03..2026-01", "date:2026-01..2026-03"),
        ("is:pendnig", "pendnig", "is:pending"),
        ("type:deposti x", "deposti", "type:deposit x"),
        ("currency:EURO", "EURO", None),
        ("weekday:fridya", "fridya", "weekday:friday"),
        ("hour:24", "24", None),
        ("id:12", "32 digits", None),
        ("meta.fx.rate:>fast", "fast", None),
        ("!!", "!!", None),
        ("x" * 201, "x" * 40, None),
        ("category:" + "x" * 201, "category:", None),
    ],
)
def test_a_mistake_names_the_problem_and_suggests_queries(
    text: str, fact: str, suggestion: str | None
) -> None:
    (mistake,) = parse(text).mistakes
    assert fact in mistake.sentence
    assert not mistake.is_hint
    if suggestion is None:
        assert mistake.suggestions == ()
    else:
        assert suggestion in mistake.suggestions
    for query in mistake.suggestions:
        assert parse(query).mistakes == []


@pytest.mark.parametrize(
    "text",
    "amount: amount:> date:2026- date:.. is:pen has: has:meta category: currency:E meta.a:".split(),
)
def test_an_incomplete_value_is_a_hint(text: str) -> None:
    (mistake,) = parse(text).mistakes
    assert mistake.is_hint


def test_the_rest_of_the_query_stays_beside_a_mistake() -> None:
    assert kinds_and_texts("rent amout:5 date:2026-99") == [[("word", "rent")]]


@pytest.mark.parametrize(
    "text",
    [
        "(rent or salary) date:2026-11",
        "date:2026-11 (rent or salary)",
        "((rent or salary) date:2026-11",
        "(type:deposit) currency:EUR",
        "(-office) rent",
        "(meta.channel:card) rent",
        "rent or (salary category:food)",
        "(rent OR)",
        "-(rent office)",
        "to:(mara grace)",
        "to:(mara or grace)",
        '("blue note" or rent) is:in',
    ],
)
def test_brackets_that_group_are_refused_and_nothing_is_searched(text: str) -> None:
    query = parse(text)
    assert [each.sentence for each in query.mistakes] == [GROUPED]
    assert query.is_empty
    assert not query.mistakes[0].is_hint


@pytest.mark.parametrize(
    "text",
    [
        "Coffee (Vienna)",
        "Coffee (Vienna) or Tea (Graz)",
        "Coffee (Vienna West) date:2026-11",
        "Invoice (Re: May) -office",
        "refund (-20%)",
        "one) or two)",
        ":( or rent",
        'category:"(rent or food)"',
        '"(rent or salary)" date:2026-11',
        "category:(rent)",
    ],
)
def test_brackets_of_a_text_are_searched(text: str) -> None:
    assert not any(each.sentence == GROUPED for each in parse(text).mistakes)
    assert parse(text).items


def test_only_terms_of_every_alternative_hold_for_all_rows() -> None:
    assert [item.source for item in parse("rent or salary date:2026").shared] == []
    both = parse("rent date:2026 or salary date:2026").shared
    assert {item.source for item in both} == {"date:2026"}


def test_a_query_is_bounded() -> None:
    long = parse("word " * 500)
    assert len(long.items) == MOST_ITEMS
    characters, words = (mistake.sentence for mistake in long.mistakes)
    assert f"{LONGEST:,} characters" in characters
    assert f"{MOST_ITEMS} words" in words


def test_a_filter_is_added_to_and_removed_from_every_group() -> None:
    narrowed = parse("coffee or tea").adding("category:rent")
    assert narrowed == "coffee category:rent or tea category:rent"
    assert parse(narrowed).has("category:rent")
    assert not parse("coffee category:rent or tea").has("category:rent")
    assert parse(narrowed).without("category:rent") == "coffee or tea"
    assert parse("").adding("is:in") == "is:in"


@pytest.mark.parametrize("value", ["rent", "eating out", "a.b", "none", "5..6", ">3", "é", "C&A"])
def test_a_token_reads_back_as_its_value(value: str) -> None:
    (item,) = parse(token("category", value)).items
    assert (item.kind, item.text) == ("category", value)


def test_a_value_that_cannot_be_typed_has_no_token() -> None:
    assert token("category", 'a"b') == token("category", "a\x00") == token("category", " a") == ""
    assert meta_field(("a", 'b"')) == meta_field(("",)) == ""


@pytest.mark.parametrize("path", [("channel",), ("merchant", "city"), ("a.b", "c d"), ("x:y",)])
def test_a_key_of_the_metadata_reads_back_as_its_path(path: tuple[str, ...]) -> None:
    for text in (f"{meta_field(path)}:5", f"has:{meta_field(path)}"):
        (item,) = parse(text).items
        assert item.path == path


OF_TEXT = ["to", "from", "with", "account", "category", "ref", "note", "meta.channel", "meta.a.b"]
SPECIAL = st.sampled_from(
    ["none", "None", "me", "ME", "or", "true", "null", "-5", "-0.50", "1e9", "5..6", ">3", "-",
     "--x", "//x", "http://x", "a:b", "is:in", "#food", "d\u0301", "\u202ex", "x\u200by", "a  b",
     "x" * 200, "x" * 201]
)  # fmt: skip
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=2).map(str)
VALUES = st.one_of(st.text(), SPECIAL, NUMBERS, st.integers().map(str))


def is_tidy(text: str) -> bool:
    """Whether a text can be typed as it stands."""
    return bool(text) and text.isprintable() and '"' not in text and text == " ".join(text.split())


@given(st.sampled_from(OF_TEXT), VALUES)
def test_a_term_of_any_text_reads_back_as_that_text(name: str, value: str) -> None:
    term = token(name, value)
    assert term or not (is_tidy(value) and len(value) <= LONGEST_WORD)
    for text in [term, f"before {term} after", f"-{term} or x"] if term else []:
        query = parse(text)
        (item,) = [item for item in query.items if item.kind not in ("word", "phrase")]
        assert query.mistakes == []
        assert (item.text, item.value) in [(value, None), (value, value)], "no range, no other word"
        assert item.is_quoted or value.lower() not in ("none", "me")
        assert ".".join((item.kind, *item.path)) == name
    if term.startswith("meta.") and re.fullmatch(r"-[0-9]{1,15}\.[0-9]{2}", value):
        assert not item.is_quoted, "a number, which may be compared"


@given(st.text("abcxyz019_-\u00e9\u4e2d", min_size=1, max_size=30))
def test_the_term_of_a_tag_reads_back_as_the_tag(tag: str) -> None:
    (item,) = parse(token("tag", tag)).items
    assert (item.kind, item.value) == ("tag", tag)


KEYS = st.one_of(
    st.text(), st.sampled_from(["a.b", "c d", 'q"q', "x:y", "0", "-", "", " ", "\u00e9"])
)


@given(st.lists(KEYS, max_size=4))
def test_a_key_of_any_name_reads_back_as_its_path(path: list[str]) -> None:
    terms = [having(path), token(meta_field(path), "5") if meta_field(path) else ""]
    short = sum(len(part) + 3 for part in path) < LONGEST // 2
    assert all(terms) == bool(path and short and all(map(is_tidy, path))) or all(terms)
    for term in filter(None, terms):
        (item,) = parse(term).items
        assert item.path == tuple(path)
        assert parse(term).mistakes == []


@given(st.dictionaries(KEYS, st.one_of(VALUES, st.integers(), st.dictionaries(KEYS, VALUES))))
def test_each_link_of_a_receipts_details_reads_back(metadata: dict[str, Any]) -> None:
    leaves = dict(leaves_of(metadata))
    for line in lines_of(metadata):
        for term in filter(None, (line.key_term, line.term)):
            (item,) = parse(term).items
            assert item.path in leaves
            assert term == line.key_term or item.text == str(leaves[item.path])


def leaves_of(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            yield from leaves_of(inner, (*path, key))
        else:
            yield (*path, key), inner


def test_an_ambiguous_day_suggests_both() -> None:
    (mistake,) = parse("date:03/04/2026").mistakes
    assert "03/04/2026" in mistake.sentence
    assert mistake.suggestions == ("date:2026-04-03", "date:2026-03-04")
    for text in mistake.suggestions:
        assert parse(text).mistakes == []


@pytest.mark.parametrize("text", ['"', '""', "or or", '"" or ""'])
def test_a_text_without_words_gets_a_hint(text: str) -> None:
    (mistake,) = parse(text).mistakes
    assert mistake.is_hint
    assert text in mistake.sentence
    assert parse("").mistakes == []


@pytest.mark.parametrize(("text", "fact"), [("id:", "32 digits"), ("meta:", "meta.channel:card")])
def test_a_field_without_a_value_explains_itself(text: str, fact: str) -> None:
    (mistake,) = parse(text).mistakes
    assert fact in mistake.sentence
    assert (mistake.suggestions, mistake.is_hint) == ((), True)


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("950 USD", "amount:950 currency:USD"),
        ("950 usd", "amount:950 currency:USD"),
        ("USD 1,234.50 rent", "amount:1234.50 currency:USD rent"),
        ("-950 USD", "-950 currency:USD"),
        ("rent or 950 EUR mara", "rent or amount:950 currency:EUR mara"),
        ("top 10", None),
        ("950 rent", None),
        ("-USD 950", None),
    ],
)
def test_an_amount_with_a_currency_is_suggested_as_fields(
    text: str, suggestion: str | None
) -> None:
    query = parse(text)
    suggestions = [each for mistake in query.mistakes for each in mistake.suggestions]
    assert suggestions == ([suggestion] if suggestion else [])
    assert not query.is_empty
    assert all(mistake.is_hint for mistake in query.mistakes)


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("amount>100", "amount:>100"),
        ("amount >= 1,234.50 rent", "amount:>=1,234.50 rent"),
        (">100", "amount:>100"),
        ("category = rent", "category:rent"),
        ("currency==EUR", "currency:EUR"),
        ("-type=deposit", "-type:deposit"),
        ("meta.fx.rate>1.1", "meta.fx.rate:>1.1"),
        ("rent AND NOT office", "rent -office"),
        ("rent and office", None),
        ("amount:>100", None),
        ('"amount>100"', None),
        ("type=gift", None),
        ("AND", None),
        ("a > b", None),
    ],
)
def test_a_query_of_another_language_is_suggested_in_this_one(
    text: str, suggestion: str | None
) -> None:
    suggestions = [each for mistake in parse(text).mistakes for each in mistake.suggestions]
    assert suggestions == ([suggestion] if suggestion else [])


@given(st.one_of(st.text(), st.lists(ROLES).map("".join)))
def test_any_text_is_parsed_and_its_terms_parse_the_same(text: str) -> None:
    query = parse(text)
    assert len(query.text) <= LONGEST
    assert len(query.items) <= MOST_ITEMS
    again = parse(query.without("nothing of this"))
    assert [[item.source for item in group] for group in again.groups] == [
        [item.source for item in group] for group in query.groups
    ]


@pytest.mark.parametrize(
    "typed",
    [
        "1234.50", "1,234.50", "1 234.50", "1\u00a0234.50", "1\u202f234", "12 34", "1.234,50",
        "1,23", "0,500", "1 234,567", "01,234",
        "\uff11\uff12", "100.12345", "1e3", "0x10", ".5", "5.", "1234567890123456",
    ],
)  # fmt: skip
def test_a_search_reads_the_amounts_that_a_form_reads(typed: str) -> None:
    try:
        expected: Any = [("exact", read_amount(typed))]
    except ValidationError:
        expected = None
    query = parse(f'amount:"{typed}"')
    assert [list(item.value) for item in query.items] == ([expected] if expected else [])
    assert bool(query.mistakes) == (expected is None)
