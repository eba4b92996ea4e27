"""Writes terms of the query language for links. `parse` reads each term back as its value."""

import re
from collections.abc import Sequence

from ledger.text.lines import odd_characters
from transactions.search.language.parser import INVISIBLE, LONGEST, LONGEST_WORD, MOST_ITEMS
from transactions.search.language.query import ParsedQuery
from transactions.search.language.values import is_number

# A value that needs no quotes: a word, perhaps with signs inside, or a number below zero.
_PLAIN = re.compile(r"\w[\w.&/+-]*|-[0-9]+(?:\.[0-9]+)?")
_SPECIAL = ("none", "me")  # values with a special meaning, unless in quotes


def token(name: str, value: str) -> str:
    """Returns the term `name:value`, quoted if necessary, or "" if the value cannot be typed."""
    if not name or not _can_be_typed(value) or len(value) > LONGEST_WORD:
        return ""
    is_plain = _PLAIN.fullmatch(value) and ".." not in value and value.lower() not in _SPECIAL
    if name.startswith("meta.") and not is_number(value):
        is_plain = None  # without quotes it would match any text with this word
    term = f"{name}:{value}" if is_plain else f'{name}:"{value}"'
    return term if len(term) <= LONGEST else ""


def meta_field(path: Sequence[str]) -> str:
    """Returns the field of a metadata key, such as meta.merchant.city, or "" if it cannot be
    typed.
    """
    if not path or not all(_can_be_typed(key) for key in path):
        return ""
    keys = [key if re.fullmatch(r"[\w-]+", key) else f'"{key}"' for key in path]
    name = ".".join(["meta", *keys])
    return name if len(name) <= LONGEST // 2 else ""


def having(path: Sequence[str]) -> str:
    """Returns the term for rows with a metadata key, or "" if it cannot be typed."""
    name = meta_field(path)
    return f"has:{name}" if name else ""


def narrowed(query: ParsedQuery, term: str) -> str:
    """Returns the text of the query with the term added to every group. Returns "" if the term is
    empty or `parse` would cut the text.
    """
    text = query.adding(term) if term else ""
    count = sum(len(group) + 1 for group in query.groups or [[]])
    return text if len(text) <= LONGEST and count <= MOST_ITEMS else ""


def _can_be_typed(text: str) -> bool:
    """Returns whether `parse` reads the text unchanged: it has no quotes, invisible characters or
    extra spaces.
    """
    if not text or '"' in text or text != " ".join(text.split()):
        return False
    return not (INVISIBLE.search(text) or odd_characters(text))
