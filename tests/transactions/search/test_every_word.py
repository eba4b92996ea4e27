"""Every word of a text finds the text: next to punctuation, with accents, in any script.

The texts come from a generator with a seed. See Note [Words].
"""

import json
import random
import re
from decimal import Decimal
from typing import Any
from unicodedata import normalize

import pytest
from django.db import connection

from accounts.models import User
from ledger.text.fuzzy import folded
from tests.factories import AccountFactory
from tests.transactions.search.shared import booked, pay, words_in
from transactions.models import Transaction
from transactions.scope import Scope, scope_for
from transactions.search.engine import find
from transactions.search.language.parser import parse
from transactions.search.language.query import PHRASE, WORD
from transactions.search.page.hits import Hit

SEED = 20261130
PATTERNS = (
    "{A}-{n}", "{a} {n}/{n}", "{A}-{n}-{n} {a}", "{A}.{n}_{n}", "#{n} {a}", "{a}:{n}x{n}",
    "WWW.{A}.COM {a}", "https://{a}.example/{a}?{a}={n}#{a}", "{A}.COM/{A} {a}", "//{a}.{a}/{a}",
    "{a}.{a}@example.com {a}", "<{a}@{a}.org>", "mailto:{a}+{a}@{a}.net",
    "{a}/{a} {a}", "/home/{a}/{a}.{a}", "C:\\{a}\\{a}", "~/{a}", "w/{a}", "{a}.{a}", "{a}&{a} {a}",
    "Phone {n}-{n}", "+{n} {n} {n}", "({n}) {n}", "{n}.{n}.{n}",
    "{a} <for {a} & {a}>", "{a} ({a})", "[{a}] {{{a}}}", "{a}'s {a}", "{a}; {a}, {a}!",
    "{a}\u2013{a}…", "{a} “{a}” {a}", "*{a}* _{a}_ ~{a}~",
    "{a}={n}%", "50€/{a}", "{a}\u00a0{a}", "-{n} {a}",
)  # fmt: skip
SCRIPTS = {
    "Latin": ("café", "naïve", "Łódź", "Nguyễn", "açaí", "Straße", "smørrebrød"),
    "Cyrillic": ("оплата", "Ёлка", "пошта"),
    "Greek": ("ενοίκιο", "Πληρωμή", "αγορά"),
    "Arabic": ("إيجار", "قهوة", "دفعة"),
    "Hebrew": ("שכירות", "תשלום"),
    "Devanagari": ("किराया", "हिन्दी", "नमस्ते"),
    "Thai": ("ค่าเช่า", "กาแฟ"),
    "Han": ("房租", "咖啡馆"),
    "Hangul": ("월세", "커피숍"),
    "Kana": ("コーヒー", "やちん"),
}


def texts() -> list[str]:
    """Two texts for each pattern and 34 in nine scripts besides Latin, in both forms of accents."""
    chance = random.Random(SEED)  # noqa: S311 - not a secret
    letters = "abcdefghijklmnopqrstuvwxyz"

    def filled(pattern: str) -> str:
        def word(_match: "re.Match[str]") -> str:
            return "".join(chance.choices(letters, k=chance.randint(3, 8)))

        text = re.sub(r"\{a\}", word, pattern)
        text = re.sub(r"\{A\}", lambda match: word(match).upper(), text)
        text = re.sub(r"\{n\}", lambda _match: str(chance.randint(0, 99_999)), text)
        return text.replace("{{", "{").replace("}}", "}")

    found = [filled(pattern) for pattern in PATTERNS for _ in range(2)]
    for words in SCRIPTS.values():
        found += [normalize("NFC", f"{words[0]}-{words[1]}"), normalize("NFD", f"({words[-1]}) x")]
        found.append(normalize("NFD", "/".join(words)))
    return found


def is_typed_as_words(text: str) -> bool:
    """Whether the whole text is a query of only words: docs/search.md lists what is not a word."""
    query = parse(text)
    has_mistakes = any(not mistake.is_advice for mistake in query.mistakes)
    return not has_mistakes and {item.kind for item in query.items} <= {WORD, PHRASE}


TEXTS = texts()


@pytest.fixture
def rows(ana: User) -> list[Transaction]:
    (everyday, *_) = scope_for(ana).accounts
    return booked(*(pay(day, "1", text, everyday) for day, text in enumerate(TEXTS)))


@pytest.fixture(autouse=True)
def money(ana: User) -> None:
    (everyday, *_) = scope_for(ana).accounts
    booked(pay(-1, "100000", "", None, everyday))


def test_there_are_as_many_texts_as_the_docs_state() -> None:
    assert len(TEXTS) == len(set(TEXTS)) == 102


def test_each_word_its_beginning_and_the_whole_text_find_the_text(
    scope: Scope, rows: list[Transaction]
) -> None:
    missed = []
    for text, row in zip(TEXTS, rows, strict=True):
        words = words_in(text)
        quoted = text.replace('"', " ")
        queries = [*words, *(word[:3] for word in words), f'"{quoted}"', f'"{" ".join(words)}"']
        queries += [text] if is_typed_as_words(text) else []
        for query in dict.fromkeys(queries):
            is_found = row.pk in {found.pk for found in find(scope, query).rows}
            missed += [] if is_found else [(text, query)]
    assert missed == []


def test_no_query_finds_a_row_with_none_of_its_words(scope: Scope, rows: list[Transaction]) -> None:
    for text in TEXTS:
        for word in words_in(text):
            for found in find(scope, f'"{word}"').rows:
                assert folded(word) in set(map(folded, words_in(found.description)))


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("4711", ["RE-4711"]),
        ("RE-4711", ["RE-4711"]),
        ("re 4711", ["RE-4711"]),
        ("RE-47", ["RE-4711"]),
        ("miete 2026", ["Miete 2026/03", "Miete 03/2026", "MIETE-2026"]),
        ("gift -mia", ["Gift for Tom"]),
        ("mia", ["Gift <for Mia & Ben>"]),
        ("cafe", ["Café Central", "Cafe Aroma", "Cafe\u0301 Lumen"]),
        ("CAFÉ", ["Café Central", "Cafe Aroma", "Cafe\u0301 Lumen"]),
        ("ferreira", ["ana.ferreira@example.com refund"]),
        ("ana.ferreira@example.com", ["ana.ferreira@example.com refund"]),
        ("istanbul", ["İstanbul"]),
        ("strasse", ["Straße"]),
        ("ref:99", ["Gift for Tom"]),
        ("meta.shop:avila", ["Miete 2026/03"]),
        ("avila", ["Miete 2026/03"]),
        ("to:cafe", ["Café Central", "Cafe Aroma", "Cafe\u0301 Lumen"]),
    ],
)
def test_what_people_type(ana: User, scope: Scope, typed: str, found: list[str]) -> None:
    (everyday, *_) = scope.accounts
    details: dict[str, dict[str, Any]] = {
        "Gift for Tom": {"reference": "A/99-B"},
        "Miete 2026/03": {"metadata": {"shop": ["A\u0301vila-Nord"]}},
    }
    for day, text in enumerate(
        ["RE-4711", "Miete 2026/03", "Miete 03/2026", "MIETE-2026", "Gift <for Mia & Ben>",
         "Gift for Tom", "Café Central", "Cafe Aroma", "Cafe\u0301 Lumen", "İstanbul", "Straße",
         "ana.ferreira@example.com refund"]
    ):  # fmt: skip
        booked(pay(day, "1", text, everyday, **details.get(text, {})))
    descriptions = {normalize("NFC", text) for text in found}
    assert {row.description for row in find(scope, typed).rows} == descriptions


PIECES = [
    *"abz059 -+./@&<~_\\\"'():,;#%*=?!^|[]{}\n",
    "Kettle",
    "4711",
    "é",
    "ß",
    "\u200b",
    "\ufeff",
]


def test_metadata_has_the_words_of_its_values(db: None) -> None:
    """Whether or not a character of them needs a replacement."""
    dice = random.Random(SEED)  # noqa: S311  no secret
    with connection.cursor() as cursor:
        for _ in range(400):
            texts = ["".join(dice.choices(PIECES, k=dice.randint(0, 9))) for _ in range(2)]
            number = dice.randint(0, 99)
            document = {"a_key": texts[0], "list": [texts[1], True, {"n": number}]}
            values = [*texts, str(number)]
            cursor.execute(
                "SELECT tsvector_to_array(search_words(%s::jsonb)), ARRAY(SELECT DISTINCT unnest("
                "tsvector_to_array(search_words(value))) FROM unnest(%s::text[]) AS value)",
                [json.dumps(document), values],
            )
            found, expected = cursor.fetchone()
            assert sorted(found) == sorted(expected), document


@pytest.mark.parametrize(
    ("document", "matches"), [('["card", "present"]', False), ('["card present"]', True)]
)
def test_a_phrase_does_not_match_across_two_values(db: None, document: str, matches: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT search_words(%s::jsonb) @@ search_phrase('card present')", [document]
        )
        assert cursor.fetchone() == (matches,)


def test_old_texts_with_separate_accents_have_the_same_words(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT search_words(%s::text) = search_words(%s::text),"
            " search_words(%s::jsonb) = search_words(%s::jsonb)",
            ["Cafe\u0301-A\u030a", "Caf\u00e9-\u00c5", '["e\u0301 x"]', '["\u00e9 x"]'],
        )
        assert cursor.fetchone() == (True, True)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("4,70", ["4.70"]),
        ("-4,70", ["4.70"]),
        ("-4.70", ["4.70"]),
        ("+4,70", []),
        ("\u20ac150", []),
        ("$150", ["150"]),
        ("150 $", ["150"]),
        ("$ 150", ["150"]),
        ("150 usd", ["150"]),
        (">100", ["150"]),
        ("march", ["4.70", "150"]),
        ("-march", ["4.70", "150"]),
        ("2026-03", ["4.70", "150"]),
        ("3/2026", ["4.70", "150"]),
        ("mar 2026", ["4.70", "150"]),
        ("mar 2025", []),
        ("date:march shop", ["150"]),
    ],
)
def test_amounts_and_periods_are_found_as_typed(scope: Scope, typed: str, found: list[str]) -> None:
    (everyday, *_) = scope.accounts
    booked(pay(1, "4.70", "Tea", everyday), pay(2, "150", "Shop", everyday))
    amounts = {row.amount for row in find(scope, typed).rows if row.from_account_id}
    assert amounts == {Decimal(text) for text in found}


@pytest.mark.parametrize(
    ("typed", "instead"),
    [
        ("-\u20ac150", "amount:150 currency:EUR is:out"),
        ("tea -<5", "tea amount:<5 is:out"),
        ("+\u20ac150", "amount:150 currency:EUR is:in"),
    ],
)
def test_an_amount_with_a_sign_and_a_currency_is_refused_with_what_to_write(
    typed: str, instead: str
) -> None:
    (mistake, *_) = parse(typed).mistakes
    assert mistake.suggestions == (instead,)
    assert not any(item.is_negated for item in parse(typed).items)


@pytest.mark.parametrize("typed", ["ferias", "cafe", "joint", "savings joint"])
def test_own_accounts_are_found_by_each_word_without_accents(ana: User, typed: str) -> None:
    for name in ("F\u00e9rias 2026", "Caf\u00e9 fund", "Savings/Joint"):
        booked(pay(1, "1", "In", to=AccountFactory(name=name, user=ana)))
    assert len(find(scope_for(ana), f'account:"{typed}"').rows) == 1


def test_the_last_letter_of_a_greek_word_has_one_form(scope: Scope) -> None:
    (everyday, *_) = scope.accounts
    booked(pay(1, "1", "\u0391\u0393\u039f\u03a1\u0386\u03a3", everyday))
    assert find(scope, "\u03b1\u03b3\u03bf\u03c1\u03ac\u03c2").rows


def test_a_text_with_a_word_that_is_too_long_has_no_marks(scope: Scope) -> None:
    (everyday, *_) = scope.accounts
    note = "a " + "x" * 2100 + " kettle"
    booked(pay(1, "1", "Card", everyday, metadata={"note": note}))
    result = find(scope, "kettle")
    assert ["<mark>" in Hit(row, result, True).lines for row in result.rows] == [False]


def test_the_spelling_that_was_typed_comes_first(scope: Scope) -> None:
    (everyday, *_) = scope.accounts
    booked(pay(1, "1", "Cafe", everyday), pay(2, "1", "Café", everyday))
    assert [row.description for row in find(scope, "cafe").rows] == ["Cafe", "Café"]
    assert [row.description for row in find(scope, "café").rows] == ["Café", "Cafe"]


@pytest.mark.parametrize(
    ("text", "typed", "html"),
    [
        ("RE-4711 <b>", "4711", "RE-<mark>4711</mark> &lt;b&gt;"),
        ("w/Tom", "tom", "w/<mark>Tom</mark>"),
        ("Café", "cafe", "<mark>Café</mark>"),
        ("mä\u200dx a", "max", "<mark>mä\u200dx</mark> a"),
        ("x " * 100 + "RE-4711", "4711", None),
    ],
)
def test_the_matched_word_is_marked_in_the_text_as_stored(
    scope: Scope, text: str, typed: str, html: str | None
) -> None:
    (everyday, *_) = scope.accounts
    booked(pay(1, "1", text, everyday))
    result = find(scope, typed)
    (headline,) = [Hit(row, result, True).headline for row in result.rows]
    assert html is None or headline == html
    assert "<mark>" in headline


def test_a_matched_word_of_the_metadata_is_marked(scope: Scope) -> None:
    (everyday, *_) = scope.accounts
    shop = {"name": "a-Shop/Norte", "tags": ["x", {"city": "Évora"}], "n": 5}
    booked(pay(1, "1", "Card", everyday, metadata={"b": "norte", "shop": shop}))
    for typed, line in (
        ("norte", "B: <mark>norte</mark> · Shop name: a-Shop/<mark>Norte</mark>"),
        ("evora", "Shop tags city: <mark>Évora</mark>"),
    ):
        result = find(scope, typed)
        assert [re.sub("<span.*?</span>", "·", Hit(row, result, True).lines)
                for row in result.rows] == [line]  # fmt: skip


def test_names_ignore_accents(scope: Scope) -> None:
    (everyday, *_) = scope.accounts
    other = AccountFactory(user__name="José Núñez-Peña")
    booked(pay(1, "1", "Lunch", everyday, other))
    for typed in ("nunez", "pena", "jose nunez", "to:penã", "nunez-pena", "ñúñez"):
        assert len(find(scope, typed).rows) == 1, typed
