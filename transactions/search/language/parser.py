"""What a person types in the search box, as a tree; and mistakes as sentences, never errors.

    rent "blue note" -office or to:landlord amount:>100 date:2026-01..2026-03

An item is a word, a phrase or a field with a value, perhaps with a minus in front. Items stand
beside each other for "and"; `or` between them binds least, as in websearch_to_tsquery. So a
query is a list of groups, one of which has to hold whole.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from ledger.text.currencies import CURRENCIES
from ledger.text.lines import odd_characters
from transactions.search.language.fields import FIELDS, HAS_WORDS, near
from transactions.search.language.tree import (
    AMOUNT,
    HAS_META,
    META,
    PHRASE,
    WORD,
    Mistake,
    ParsedQuery,
    QueryItem,
    written,
)
from transactions.search.language.values import (
    TYPED_AMOUNT,
    NotUnderstood,
    Unfinished,
    is_range,
    read_any_number,
    reads_as_figure,
)

LONGEST, MOST_ITEMS, LONGEST_WORD = 1000, 40, 200
# What a database's text cannot hold or a reader cannot see: NUL, controls, halves of pairs.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u200b\u2060\ufeff]+")
_LETTERS = re.compile(r"[^\W_]")
_ITEM = re.compile(
    r"""
    (?P<minus>-(?=[^\s-]))?
    (?:
      (?P<field>meta(?:\.(?:"[^"]*"|[^\s:".]+))+|[^\W\d]\w*):(?!//)
        (?: "(?P<quoted>[^"]*)(?P<closed>"?)
          | (?P<has>(?<=has:)meta(?:\.(?:"[^"]*"|[^\s".]+))+)
          | (?P<value>\S*) )
    | "(?P<phrase>[^"]*)"?
    | (?P<word>[^\s"]+|\S)
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)
# What needs no quotes: a word, perhaps with signs inside, or a number below zero.
_PLAIN = re.compile(r"\w[\w.&/+-]*|-[0-9]+(?:\.[0-9]+)?")
_SPECIAL = ("none", "me")  # what a field reads as something else, unless in quotes
_PART = re.compile(r'\.(?:"([^"]*)"|([^\s:".]+))')


def parse(text: str) -> ParsedQuery:
    """The query in a text, whatever text it is."""
    plain = " ".join(_UNSEEN.sub(" ", text).split())
    query = ParsedQuery(plain[:LONGEST])
    if len(plain) > LONGEST:
        query.mistakes.append(Mistake(f"Only the first {LONGEST:,} characters were read."))
    group: list[QueryItem] = []
    read = 0
    for found, meant in _found(query.text):
        if found is None:
            query.groups.append(group)
            group = []
        elif read >= MOST_ITEMS:
            query.mistakes.append(Mistake(f"Only the first {MOST_ITEMS} words were read."))
            break
        else:
            read += 1
            item = _understood(found, meant, query)
            group += [item] if item else []
    query.groups = [each for each in [*query.groups, group] if each]
    if query.text and not (query.items or query.mistakes):
        said = f"“{query.text}” asks for nothing yet; write a word, a name or an amount."
        query.mistakes.append(Mistake(said, is_hint=True))
    query.mistakes += _sums_of_money(query)
    return query


def _sums_of_money(query: ParsedQuery) -> Iterator[Mistake]:
    """What is said of `950 USD`, which asks for two words."""
    for place, group in enumerate(query.groups):
        for one, other in pairwise(group):
            said = _sum_of_money(one, other)
            if said:
                items = [item.source for item in group if item is not one and item is not other]
                items.insert(group.index(one), said)
                groups = [[item.source for item in each] for each in query.groups]
                groups[place] = items
                yield Mistake("For an amount, write", (written(groups),), is_hint=True)


def _sum_of_money(one: QueryItem, other: QueryItem) -> str:
    """`950 USD` or `USD 950` in the language; a code in front only in capitals: "top 10"."""
    number, code = (one, other) if one.amount is not None else (other, one)
    if number.amount is None or code.kind != WORD or one.is_not or other.is_not:
        return ""
    typed = code.text.upper() if code is other else code.text
    if typed not in CURRENCIES:
        return ""
    said = number.source if number.kind == AMOUNT else f"amount:{number.source}"
    return f"{said} currency:{typed}"


def _found(text: str) -> Iterator[tuple["re.Match[str] | None", bool]]:
    """The items of a text and whether each stands last; None for an `or`, unless it is all."""
    found = list(_ITEM.finditer(text))
    for place, item in enumerate(found):
        is_or = item[0].lower() == "or" and len(found) > 1
        yield (None if is_or else item), place == len(found) - 1


def _understood(found: "re.Match[str]", is_last: bool, query: ParsedQuery) -> QueryItem | None:
    """The item, or None and a mistake in the query."""
    item = _item(found)
    if item.kind in (WORD, PHRASE):
        if len(item.text) > LONGEST_WORD and item.kind == WORD:
            query.mistakes.append(Mistake(f"“{item.text[:40]}…” is too long for a word."))
            return None
        if not _LETTERS.search(item.text):
            if item.text:
                said = f"“{item.text}” has no letter or digit to look for."
                query.mistakes.append(Mistake(said))
            return None
        return item
    try:
        return _read(item)
    except NotUnderstood as why:
        start, end = query.text[: found.start()], query.text[found.end() :]
        is_hint = isinstance(why, Unfinished) and is_last
        meant = tuple(
            f"{start}{_meaning(item, said)}{end}" for said in why.meant if _is_one(item, said)
        )
        query.mistakes.append(Mistake(str(why), meant, is_hint))
        return None


def _item(found: "re.Match[str]") -> QueryItem:
    minus, source = bool(found["minus"]), found[0]
    if found["field"]:
        return _field_item(found, source, minus)
    if found["phrase"] is not None:
        return QueryItem(PHRASE, found["phrase"].strip(), source, is_not=minus)
    if TYPED_AMOUNT.fullmatch(source) and source[0] in "-+\u2212":
        return QueryItem(AMOUNT, source, source, value=source[0])
    return QueryItem(WORD, found["word"], source, is_not=minus)


def _field_item(found: "re.Match[str]", source: str, minus: bool) -> QueryItem:
    name, value = found["field"], found["quoted"] or found["has"] or found["value"] or ""
    literal = found["quoted"] is not None
    if name.lower() == META or name.lower().startswith("meta."):
        return QueryItem(META, value, source, None, _path(name[4:]), minus, literal)
    name = name.lower()
    if name == "has" and value.lower().startswith("meta."):
        return QueryItem(HAS_META, value, source, None, _path(value[4:]), minus)
    if name not in FIELDS and not value and not literal:
        return QueryItem(WORD, found["field"], source, is_not=minus)  # "Re:" at the end of a word
    return QueryItem(name, value.strip(), source, None, (), minus, literal)


def _path(dotted: str) -> tuple[str, ...]:
    return tuple(quoted or plain for quoted, plain in _PART.findall(dotted))


def _read(item: QueryItem) -> QueryItem:
    """The item with its value. Raises NotUnderstood."""
    if item.kind in (AMOUNT, HAS_META):
        return item
    if item.kind == META:
        return _read_meta(item)
    known = FIELDS.get(item.kind)
    if known is None:
        quoted = f'"{item.source.lstrip("-")}"' if '"' not in item.source else ""
        meant = [f"{name}:{item.text}" for name in near(item.kind, list(FIELDS))]
        raise NotUnderstood(
            f"There is no field “{item.kind}”. To look for these words, put them in quotes.",
            *meant,
            *([quoted] if quoted else []),
        )
    if not item.text:
        like = f", like {known.example}" if known.example else ""
        raise Unfinished(f"{item.kind}: {known.says}{like}.")
    if item.kind == "has":
        return _read_has(item)
    if len(item.text) > LONGEST_WORD:
        raise NotUnderstood(f"What stands after {item.kind}: is too long.")
    return replace(item, value=known.read(item.text))


def _read_has(item: QueryItem) -> QueryItem:
    if item.text.lower() in HAS_WORDS:
        return replace(item, value=item.text.lower())
    words = [f"has:{word}" for word in HAS_WORDS]
    said = " or ".join(["a key of the details, like has:meta.channel", *words])
    raise Unfinished(f"has: goes on with {said}.", *near(item.text.lower(), list(HAS_WORDS)))


def _read_meta(item: QueryItem) -> QueryItem:
    if not item.path:
        raise Unfinished("Write which detail, like meta.channel:card or meta.fx.rate:>1.1.")
    if not item.text:
        raise Unfinished("Write what the detail is, like meta.channel:card or meta.fx.rate:>1.1.")
    if len(item.text) > LONGEST_WORD:
        raise NotUnderstood("What stands after meta… is too long.")
    if is_range(item.text) and not item.literal:
        return replace(item, value=read_any_number(item.text))
    return item


def _is_one(item: QueryItem, said: str) -> bool:
    """Whether what was meant can stand after the item's minus: two terms cannot."""
    return not item.is_not or '"' in said or " " not in said


def _meaning(item: QueryItem, said: str) -> str:
    """What was meant, as it stands in a query: a value alone gets its field."""
    minus = "-" if item.is_not else ""
    if ":" in said or said.startswith('"'):
        return f"{minus}{said}"
    return f"{minus}{item.kind}:{said}"


def token(name: str, value: str) -> str:
    """`name:value` as it is typed, in quotes where it needs them; "" where it cannot be said.

    The one way to make a term of the language: what it gives, `parse` reads as that value.
    """
    if not name or not _can_be_typed(value) or len(value) > LONGEST_WORD:
        return ""
    is_plain = _PLAIN.fullmatch(value) and ".." not in value and value.lower() not in _SPECIAL
    if name.startswith("meta.") and not reads_as_figure(value):
        is_plain = None  # without quotes it would be a word among others
    said = f"{name}:{value}" if is_plain else f'{name}:"{value}"'
    return said if len(said) <= LONGEST else ""


def meta_field(path: Sequence[str]) -> str:
    """The field of a key of the metadata: meta.merchant.city; "" where it cannot be typed."""
    if not path or not all(_can_be_typed(part) for part in path):
        return ""
    said = [part if re.fullmatch(r"[\w-]+", part) else f'"{part}"' for part in path]
    field_ = ".".join(["meta", *said])
    return field_ if len(field_) <= LONGEST // 2 else ""


def having(path: Sequence[str]) -> str:
    """The term for rows with a key of the metadata; "" where it cannot be typed."""
    known = meta_field(path)
    return f"has:{known}" if known else ""


def _can_be_typed(text: str) -> bool:
    """Whether a text comes back as it is: no quote, nothing unseen, no spaces to be tidied."""
    if not text or '"' in text or text != " ".join(text.split()):
        return False
    return not (_UNSEEN.search(text) or odd_characters(text))
