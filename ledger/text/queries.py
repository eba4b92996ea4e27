"""Reads the query of a URL: the text after the question mark."""

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote_plus

from ledger.text.lines import visible

ESCAPE = re.compile(b"%[0-9A-Fa-f]{2}")
ROUNDS = 5  # of decoding, because the admin encodes a query again for each page
LIST_FILTERS = "_changelist_filters"  # the admin keeps the query of the previous list in it


class Parameter(NamedTuple):
    """A name and its value, in readable form. `of_list`: it belongs to the previous list."""

    name: str
    value: str
    of_list: bool


def parameters_of(query: str) -> list[Parameter]:
    """Returns the parameters of a query in plain text, with the parameters of the previous list.

    Replaces invisible characters that change how a text reads by their number, such as "[U+202E]".
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
    """Yields the query decoded once, twice and so on, at most ROUNDS times, and then completely.

    The admin encodes the query of a list again in the URL of the next page.
    """
    for _ in range(ROUNDS):
        plain = unquote_plus(query)
        if plain == query:
            return
        yield plain
        query = plain
    yield _decoded_completely(query)


def _decoded_completely(query: str) -> str:
    """Decodes until no escape is left, in linear time. One round for each level of encoding would
    take quadratic time. Keeps a plus sign, because email addresses contain it.
    """
    decoded = bytearray()
    for byte in query.encode():
        decoded.append(byte)
        while ESCAPE.fullmatch(last := decoded[-3:]):  # a decoded byte may complete an escape
            decoded[-3:] = bytes.fromhex(last[1:].decode())
    return decoded.decode(errors="replace")
