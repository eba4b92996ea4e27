"""Parses the text of the search box. Does not raise errors: each problem becomes a mistake of the
query, with a message.

    rent "blue note" -office or to:landlord amount:>100 date:2026-01..2026-03

An item is a word, a phrase, or a field with a value. A minus negates the item. All items of a group
must match. `or` separates groups, of which at least one must match. `or` has the lowest precedence,
as in websearch_to_tsquery.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from unicodedata import normalize

from ledger.text.amounts import FIGURE
from ledger.text.currencies import is_currency
from ledger.text.fuzzy import closest
from transactions.search.language.fields import FIELDS
from transactions.search.language.has_values import HAS_VALUES
from transactions.search.language.query import (
    AMOUNT,
    HAS_META,
    META,
    PHRASE,
    WORD,
    Mistake,
    ParsedQuery,
    QueryItem,
    query_text,
)
from transactions.search.language.readings import reading_of
from transactions.search.language.values import (
    SIGNS,
    TYPED_AMOUNT,
    IncompleteValue,
    InvalidValue,
    is_range,
    read_any_number,
    with_point,
)

LONGEST, MOST_ITEMS, LONGEST_WORD = 1000, 40, 200
# Characters that are invisible or that Postgres cannot store: NUL, control characters, lone
# surrogates.
INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u200b\u2060\ufeff]+")
_LETTERS = re.compile(r"[^\W_]")
# A number with a space between thousands, as in `amount:1 234.50`. Without a field, the parser
# recognises such a number only if it has decimals.
_SPACED = r"[0-9]{1,3}(?:\ [0-9]{3}){1,4}"
_SPACED_VALUE = rf"(?:[<>]?=?|{FIGURE}\.\.){_SPACED}(?:\.[0-9]+)?(?:\.\.{FIGURE}?)?(?!\S)"
_ITEM = re.compile(
    rf"""
    (?P<minus>-(?=[^\s-]))?
    (?:
      (?P<field>meta(?:\.(?:"[^"]*"|[^\s:".]+))+|[^\W\d]\w*):(?!//)
        (?: "(?P<quoted>[^"]*)(?P<closed>"?)
          | (?P<has>(?<=has:)meta(?:\.(?:"[^"]*"|[^\s".]+))+)
          | (?P<figure>(?<=amount:){_SPACED_VALUE})
          | (?P<value>\S*) )
    | "(?P<phrase>[^"]*)"?
    | (?P<word>{_SPACED}\.[0-9]+(?!\S)|[^\s"]+|\S)
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)
# The space in "150 €" and "€ 150".
_MONEY_SPACE = re.compile(r"(?<=[0-9]) (?=[€£$¥](?!\S))|(?:(?<=\s[€£$¥])|(?<=^[€£$¥])) (?=[0-9])")
_KEY = re.compile(r'\.(?:"([^"]*)"|([^\s:".]+))')
# An opening bracket at the start of an item, followed by a minus or by a field.
_BRACKETED = re.compile(
    rf"\(+(?:-(?=[^\W\d])|-?(?:(?:{'|'.join(FIELDS)}):|meta\.\S+:)(?!//))", re.IGNORECASE
)
# Syntax of SQL or of other search engines: amount > 100, > 100, category=rent, AND, NOT.
_AND, _NOT = re.compile(r"(?<=\S )AND (?=\S)"), re.compile(r"(?<!\S)NOT (?=[^\s-])")
_COMPARED = re.compile(
    rf"""
    (?<!\S)(?P<minus>-?)
    (?: (?P<field>{"|".join(FIELDS)}|meta(?:\.[^\s:".=<>]+)+)
        \ ?(?P<sign>[<>]=?|==?)\ ?(?P<value>\w\S*)
      | (?P<than>[<>]=?)\ (?P<figure>{FIGURE})(?!\S) )
    """,
    re.VERBOSE | re.IGNORECASE,
)
GROUPED = (
    "Brackets do not group. Write each alternative in full, like “rent date:2026-11 or salary"
    " date:2026-11”. Put words with brackets in quotes."
)


def parse(text: str) -> ParsedQuery:
    """Returns the query for any text. Does not raise an error: each part that cannot be parsed
    becomes a mistake of the query.
    """
    tidy = " ".join(INVISIBLE.sub(" ", text).split())
    tidy = _MONEY_SPACE.sub("", tidy)
    query = ParsedQuery(normalize("NFC", tidy[:LONGEST]))
    if len(tidy) > LONGEST:
        query.mistakes.append(Mistake(f"Only the first {LONGEST:,} characters were read."))
    if _has_grouping(_ITEM.finditer(query.text)):
        query.mistakes.append(Mistake(GROUPED))
        return query  # Without the brackets, the query would find other payments
    group: list[QueryItem] = []
    count = 0
    for match, is_last in _matches(query.text):
        if match is None:
            query.groups.append(group)
            group = []
        elif count >= MOST_ITEMS:
            query.mistakes.append(Mistake(f"Only the first {MOST_ITEMS} words were read."))
            break
        else:
            count += 1
            item = _item_or_mistake(match, is_last, query)
            group += [item] if item else []
    query.groups = [_joined(each) for each in [*query.groups, group] if each]
    if query.text and not (query.items or query.mistakes):
        sentence = f"“{query.text}” is not a search yet. Write a word, a name or an amount."
        query.mistakes.append(Mistake(sentence, is_hint=True))
    query.mistakes += [*_amounts_with_currency(query), *_readings(query)]
    query.mistakes += _other_languages(query.text)
    return query


def _matches(text: str) -> Iterator[tuple["re.Match[str] | None", bool]]:
    """Yields two values for each item: its match, and whether the item is the last one. The match
    of an `or` is None, unless the `or` is the only item.
    """
    matches = list(_ITEM.finditer(text))
    for place, match in enumerate(matches):
        is_or = match[0].lower() == "or" and len(matches) > 1
        yield (None if is_or else match), place == len(matches) - 1


def _has_grouping(matches: Iterable["re.Match[str]"]) -> bool:
    """Returns whether brackets group terms in the query, as in `(rent or salary) date:2026-11`. The
    query language does not support grouping.

    A bracket at the start of an item or a value groups terms if the bracket contains `or` or a
    field, or if the bracket follows a minus. Other brackets are part of a text, as in `Coffee
    (Vienna)`.
    """
    depth = 0
    for match in matches:
        text = match["word"] or match["value"] or ""
        is_field = (match["field"] or "").lower().partition(".")[0] in (META, *FIELDS)
        before = depth
        if depth or text.startswith("("):
            depth = max(depth + text.count("(") - text.count(")"), 0)
        is_or = text.strip("()").lower() == "or"
        if (before and is_field) or ((before or depth) and is_or):
            return True
        if depth > before and text.startswith("(") and (is_field or match["minus"]):
            return True
        if match["word"] and _BRACKETED.match(text):
            return True
    return False


def _joined(group: list[QueryItem]) -> list[QueryItem]:
    """Returns the items of the group. Two words with one meaning become one item: `150 EUR`, `last
    month`, `oct 2025`.
    """
    joined: list[QueryItem] = []
    for item in group:
        before = joined[-1] if joined else None
        if before is not None and before.kind == item.kind == WORD and not item.is_negated:
            both = f"{before.source} {item.source}"
            reading = None if before.is_negated else reading_of(both)
            if reading and (reading.currency or reading.days):
                joined[-1] = QueryItem(WORD, both, both)
                continue
        joined.append(item)
    return joined


def _readings(query: ParsedQuery) -> Iterator[Mistake]:
    """Yields a hint for each word that may mean an amount or a period. The hint contains a query
    that searches only for this amount or period.
    """
    for item in query.items:
        reading = item.reading
        if reading is not None and reading.is_shown and not item.is_negated:
            what = "this period" if reading.days else "this amount"
            sentence = f"“{item.text}” finds these words and {what}. Only {what}:"
            instead = (query.replacing(item.source, reading.term),)
            yield Mistake(sentence, instead, is_hint=True, is_advice=True)


def _amounts_with_currency(query: ParsedQuery) -> Iterator[Mistake]:
    """Yields a hint for each amount with a sign and a currency, such as `-950 USD`. The query
    language reads the amount and the currency as two separate items.
    """
    for place, group in enumerate(query.groups):
        for one, other in pairwise(group):
            if terms := _amount_terms(one, other):
                sources = [item.source for item in group if item is not one and item is not other]
                sources.insert(group.index(one), terms)
                groups = [[item.source for item in each] for each in query.groups]
                groups[place] = sources
                terms_instead = (query_text(groups),)
                yield Mistake("For an amount, write", terms_instead, is_hint=True, is_advice=True)


def _other_languages(text: str) -> Iterator[Mistake]:
    """Yields a hint if the text uses the syntax of SQL or another search engine. The hint contains
    the same query in the syntax of this search.
    """
    if '"' in text:
        return
    instead = _COMPARED.sub(_compared_term, _NOT.sub("-", _AND.sub("", text)))
    if instead != text and not parse(instead).mistakes:
        yield Mistake("In this search, write", (instead,), is_hint=True, is_advice=True)


def _compared_term(match: "re.Match[str]") -> str:
    field, sign = match["field"] or "amount", match["sign"] or match["than"]
    value = match["value"] or match["figure"]
    return f"{match['minus']}{field}:{sign if sign.strip('=') else ''}{value}"


def _amount_terms(one: QueryItem, other: QueryItem) -> str:
    """Returns the terms to suggest for `-950 USD` or `USD -950`, such as "-950 currency:USD".
    Returns "" for any other pair of items.
    """
    number, code = (one, other) if one.kind == AMOUNT else (other, one)
    typed = code.text.upper() if code is other else code.text
    if number.kind != AMOUNT or code.kind != WORD or code.is_negated or not is_currency(typed):
        return ""
    return f"{number.source} currency:{typed}"


def _item_or_mistake(match: "re.Match[str]", is_last: bool, query: ParsedQuery) -> QueryItem | None:
    """Returns the item of a match with its parsed value. For an invalid item, adds a mistake to the
    query and returns None.
    """
    item = _item(match)
    if item.kind == WORD and (term := _signed_money(item)):
        before, after = query.text[: match.start()], query.text[match.end() :]
        query.mistakes.append(
            Mistake("For an amount with a sign, write", (f"{before}{term}{after}",))
        )
        return None
    if item.kind in (WORD, PHRASE):
        if len(item.text) > LONGEST_WORD and item.kind == WORD:
            query.mistakes.append(Mistake(f"“{item.text[:40]}…” is too long for a word."))
            return None
        if not _LETTERS.search(item.text):
            if item.text:
                sentence = f"“{item.text}” has no letter or digit to search for."
                query.mistakes.append(Mistake(sentence))
            return None
        return item
    try:
        return _with_value(item)
    except InvalidValue as error:
        before, after = query.text[: match.start()], query.text[match.end() :]
        suggestions = tuple(
            f"{before}{_suggested_term(item, text)}{after}"
            for text in error.suggestions
            if _may_replace(item, text)
        )
        is_hint = isinstance(error, IncompleteValue) and is_last
        query.mistakes.append(Mistake(str(error), suggestions, is_hint))
        return None


def _signed_money(item: QueryItem) -> str:
    """Returns the terms to suggest for an amount with a sign and a currency or a limit, such as
    "amount:150 currency:EUR is:out" for `-€150`. Returns "" for any other word.
    """
    text = item.text if item.is_negated else item.text[1:] if item.text.startswith(SIGNS) else ""
    reading = reading_of(text) if text else None
    if reading is None or not reading.amounts:
        return ""
    is_out = item.is_negated or item.text[0] != "+"
    return f"{reading.term} {'is:out' if is_out else 'is:in'}"


def _item(match: "re.Match[str]") -> QueryItem:
    minus, source = bool(match["minus"]), match[0]
    if match["field"]:
        return _field_item(match, source, minus)
    if match["phrase"] is not None:
        return QueryItem(PHRASE, match["phrase"].strip(), source, is_negated=minus)
    if source.startswith(SIGNS) and TYPED_AMOUNT.fullmatch(source[0] + with_point(source[1:])):
        return QueryItem(AMOUNT, source, source, value=source[0])
    return QueryItem(WORD, match["word"], source, is_negated=minus)


def _field_item(match: "re.Match[str]", source: str, minus: bool) -> QueryItem:
    name, value = (
        match["field"],
        match["quoted"] or match["has"] or match["figure"] or match["value"] or "",
    )
    is_quoted = match["quoted"] is not None
    if name.lower() == META or name.lower().startswith("meta."):
        return QueryItem(META, value, source, None, _path(name[4:]), minus, is_quoted)
    name = name.lower()
    if name == "has" and value.lower().startswith("meta."):
        return QueryItem(HAS_META, value, source, None, _path(value[4:]), minus)
    if name not in FIELDS and not value and not is_quoted:
        return QueryItem(WORD, match["field"], source, is_negated=minus)  # a word such as "Re:"
    return QueryItem(name, value.strip(), source, None, (), minus, is_quoted)


def _path(dotted: str) -> tuple[str, ...]:
    return tuple(quoted or plain for quoted, plain in _KEY.findall(dotted))


def _with_value(item: QueryItem) -> QueryItem:
    """Returns the item with its parsed value.

    Raises: InvalidValue.
    """
    if item.kind in (AMOUNT, HAS_META):
        return item
    if item.kind == META:
        return _with_meta_value(item)
    known = FIELDS.get(item.kind)
    if known is None:
        quoted = f'"{item.source.lstrip("-")}"' if '"' not in item.source else ""
        fields = [f"{name}:{item.text}" for name in closest(item.kind, list(FIELDS))]
        raise InvalidValue(
            f"There is no field “{item.kind}”. Put words with a colon in quotes.",
            *fields,
            *([quoted] if quoted else []),
        )
    if not item.text:
        example = f", like {known.example}" if known.example else ""
        raise IncompleteValue(f"{item.kind}: needs a value{example} ({known.description}).")
    if item.kind == "has":
        return _with_has_value(item)
    if len(item.text) > LONGEST_WORD:
        raise InvalidValue(f"The value of {item.kind}: is too long.")
    return replace(item, value=known.read(item.text))


def _with_has_value(item: QueryItem) -> QueryItem:
    value = item.text.lower()
    if value in HAS_VALUES:
        return replace(item, value=value)
    choices = ["a metadata key, like has:meta.channel", *(f"has:{each}" for each in HAS_VALUES)]
    raise IncompleteValue(f"has: takes {' or '.join(choices)}.", *closest(value, list(HAS_VALUES)))


def _with_meta_value(item: QueryItem) -> QueryItem:
    if not item.path:
        raise IncompleteValue("Write a metadata key, like meta.channel:card or meta.fx.rate:>1.1.")
    if not item.text:
        raise IncompleteValue("Write a value, like meta.channel:card or meta.fx.rate:>1.1.")
    if len(item.text) > LONGEST_WORD:
        raise InvalidValue("The value of meta… is too long.")
    if is_range(item.text) and not item.is_quoted:
        return replace(item, value=read_any_number(item.text))
    return item


def _may_replace(item: QueryItem, suggestion: str) -> bool:
    """Returns whether a suggestion can replace the item. Two terms cannot replace a negated
    item.
    """
    return not item.is_negated or '"' in suggestion or " " not in suggestion


def _suggested_term(item: QueryItem, suggestion: str) -> str:
    """Returns a suggestion as a complete term. Adds the item's field if the suggestion has no
    field, and keeps the minus of a negated item.
    """
    minus = "-" if item.is_negated else ""
    if ":" in suggestion or suggestion.startswith('"'):
        return f"{minus}{suggestion}"
    return f"{minus}{item.kind}:{suggestion}"
