"""Reads the query string of a URL (the text after the question mark)."""

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote_plus

from ledger.text.lines import visible

ESCAPE = re.compile(b"%[0-9A-Fa-f]{2}")
# Maximum number of times to decode; the admin encodes a query string again for each page.
ROUNDS = 5
# This parameter of the admin contains the query string of the previous list.
LIST_FILTERS = "_changelist_filters"


class Parameter(NamedTuple):
    """A query parameter with its name and value as readable text. `of_list` is whether the
    parameter belongs to the admin list from which the user came.
    """

    name: str
    value: str
    of_list: bool


def parameters_of(query: str) -> list[Parameter]:
    """Returns the parameters in a query string as readable text, including the parameters of the
    admin list from which the user came.

    Replaces invisible characters that change how people read a text with their numbers, such as
    "[U+202E]".
    """
    found: list[Parameter] = []
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name == LIST_FILTERS:
            inner = parse_qsl(value, keep_blank_values=True)
            found += [Parameter(visible(name), visible(value), True) for name, value in inner]
        else:
            found.append(Parameter(visible(name), visible(value), False))
    return found


def decodings_of(query: str) -> Iterator[str]:
    """Yields the query string decoded once, decoded twice and so on, up to ROUNDS times. Then
    yields the completely decoded text.

    The admin encodes the query string of a list again for the URL of the next page.
    """
    for _ in range(ROUNDS):
        plain = unquote_plus(query)
        if plain == query:
            return
        yield plain
        query = plain
    yield _decoded_completely(query)


def _decoded_completely(query: str) -> str:
    """Returns the completely decoded text, without any escapes. Takes linear time. Keeps plus
    signs, because email addresses may contain them.
    """
    decoded = bytearray()
    for byte in query.encode():
        decoded.append(byte)
        while ESCAPE.fullmatch(last := decoded[-3:]):  # a decoded byte may complete another escape
            decoded[-3:] = bytes.fromhex(last[1:].decode())
    return decoded.decode(errors="replace")
