"""Reads the query string of a URL, which is the text after the question mark."""

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
    """A parameter with its name and value as readable text. `of_list` is true if the parameter
    belongs to the list of the admin that the user opened before.
    """

    name: str
    value: str
    of_list: bool


def parameters_of(query: str) -> list[Parameter]:
    """Returns the parameters in a query string as readable text. Parameters of the previous list of
    the admin are included.

    An invisible character that changes how people read a text is replaced with its number, such as
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
    """Yields the query string decoded once, decoded twice and so on, at most ROUNDS times. After
    that, yields the completely decoded text.

    This is needed because the admin encodes the query string of a list again in the URL of the next
    page.
    """
    for _ in range(ROUNDS):
        plain = unquote_plus(query)
        if plain == query:
            return
        yield plain
        query = plain
    yield _decoded_completely(query)


def _decoded_completely(query: str) -> str:
    """Returns the text after decoding it until it contains no more escapes, in linear time.
    Decoding one level after the other would take quadratic time. A plus sign is kept, because email
    addresses may contain a plus sign.
    """
    decoded = bytearray()
    for byte in query.encode():
        decoded.append(byte)
        while ESCAPE.fullmatch(last := decoded[-3:]):  # a decoded byte may complete another escape
            decoded[-3:] = bytes.fromhex(last[1:].decode())
    return decoded.decode(errors="replace")
