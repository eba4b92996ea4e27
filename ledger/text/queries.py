"""Reads the query of an address: the text after the question mark."""

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote_plus

from ledger.text.lines import visible

LIST_FILTERS = "_changelist_filters"  # in which the admin keeps the query of the list one came from


class Parameter(NamedTuple):
    """A name and its value, to be read. `of_list` is whether it is of the list one came from."""

    name: str
    value: str
    of_list: bool


def parameters_of(query: str) -> list[Parameter]:
    """The parameters of a query in plain text, those of the list one came from among them.

    Invisible characters that change how a text reads stand as their number, such as "[U+202E]".
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
    """The query decoded once, twice and so on, until nothing is left to decode. The admin encodes
    the query of a list again in that of the page to which it leads.
    """
    plain = unquote_plus(query)
    while plain != query:
        yield plain
        query, plain = plain, unquote_plus(plain)
