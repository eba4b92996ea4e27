"""Writes terms of the query language for links. `parse` reads each of these terms as the same
value.
"""

import re
from collections.abc import Sequence

from ledger.text.lines import odd_characters
from transactions.search.language.parser import INVISIBLE, LONGEST, LONGEST_WORD, MOST_ITEMS
from transactions.search.language.query import ParsedQuery
from transactions.search.language.values import is_number

# A value that needs no quotes: a word, which may contain some punctuation, or a negative number.
_PLAIN = re.compile(r"\w[\w.&/+-]*|-[0-9]+(?:\.[0-9]+)?")
_SPECIAL = ("none", "me")  # values that have a special meaning unless they are in quotes


def token(name: str, value: str) -> str:
    """Returns the term `name:value`, with quotes around the value if necessary. Returns "" if the
    query language cannot express the value.
    """
    if not name or not _can_be_typed(value) or len(value) > LONGEST_WORD:
        return ""
    is_plain = _PLAIN.fullmatch(value) and ".." not in value and value.lower() not in _SPECIAL
    if name.startswith("meta.") and not is_number(value):
        is_plain = None  # without quotes, the term would match each text that contains this word
    term = f"{name}:{value}" if is_plain else f'{name}:"{value}"'
    return term if len(term) <= LONGEST else ""


def meta_field(path: Sequence[str]) -> str:
    """Returns the field of a metadata key, such as meta.merchant.city. Returns "" if the query
    language cannot express the key.
    """
    if not path or not all(_can_be_typed(key) for key in path):
        return ""
    keys = [key if re.fullmatch(r"[\w-]+", key) else f'"{key}"' for key in path]
    name = ".".join(["meta", *keys])
    return name if len(name) <= LONGEST // 2 else ""


def having(path: Sequence[str]) -> str:
    """Returns the term for rows that have a metadata key, such as has:meta.channel. Returns "" if
    the query language cannot express the key.
    """
    name = meta_field(path)
    return f"has:{name}" if name else ""


def narrowed(query: ParsedQuery, term: str) -> str:
    """Returns the text of the query, in which every group also has `term`. Returns "" if `term` is
    empty or the text would be too long for `parse`.
    """
    text = query.adding(term) if term else ""
    count = sum(len(group) + 1 for group in query.groups or [[]])
    return text if len(text) <= LONGEST and count <= MOST_ITEMS else ""


def _can_be_typed(text: str) -> bool:
    """Returns whether `parse` would return the text unchanged. The text must not be empty or
    contain quotes, invisible characters or extra spaces.
    """
    if not text or '"' in text or text != " ".join(text.split()):
        return False
    return not (INVISIBLE.search(text) or odd_characters(text))
