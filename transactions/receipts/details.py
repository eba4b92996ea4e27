"""Shows the metadata of a transaction as labelled lines. Each line links to a search for the
same value.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ledger.text.lines import odd_characters, shortened, visible
from ledger.text.money import NOTHING
from transactions.search.language.terms import having, meta_field, token

# Limits for the page. The downloaded file is complete.
MOST_LINES = 40
LINES_LIMIT = 16_000  # approximate size of the HTML of all lines, in bytes
LONGEST_VALUE = 300  # maximum length of a line, in characters
LONGEST_TERM = 80  # maximum length of a search term in a link, in characters
STORED_LIMIT = 4_000  # maximum length of the JSON on the page, in characters
# Longer JSON has no colours, because a coloured character needs up to 15 bytes of HTML.
COLOURED_LIMIT = 1_200

# Labels of common keys. Any other key is its own label.
WORDS = {
    "last4": "ending in",
    "mcc": "code",
    "trans id": "transaction",
    "account id": "account",
    "partner bank": "their bank",
    "partner account": "their account",
}


@dataclass(frozen=True, slots=True)
class MetadataLine:
    """One metadata value with its label.

    `key_term` is the search term for transactions that have this key. `term` is the search term for
    transactions with the same value. A term is "" if the search cannot express it.
    """

    label: str
    value_text: str
    key_term: str = ""
    term: str = ""

    @property
    def weight(self) -> int:
        """The approximate size of the HTML, in bytes. In a URL, a byte that is not ASCII takes
        three bytes.
        """
        links = len(self.key_term.encode()) + len(self.term.encode())
        return 150 + len(self.label.encode()) + len(self.value_text.encode()) + 3 * links


@dataclass(frozen=True, slots=True)
class MetadataView:
    """The metadata lines of the page, and the beginning of the stored JSON. `is_cut` is true if
    lines were left out.
    """

    lines: tuple[MetadataLine, ...] = ()
    is_cut: bool = False
    stored: str = ""

    @property
    def is_long(self) -> bool:
        """Whether the page shows only the beginning of the JSON."""
        return len(self.stored) >= STORED_LIMIT

    @property
    def is_coloured(self) -> bool:
        return len(self.stored) <= COLOURED_LIMIT


def details_of(metadata: Mapping[str, Any]) -> MetadataView:
    """Returns the metadata lines that fit on a page, without the category."""
    lines: list[MetadataLine] = []
    left = LINES_LIMIT
    for line in lines_of({key: value for key, value in metadata.items() if key != "category"}):
        left -= line.weight
        if len(lines) == MOST_LINES or left < 0:
            return MetadataView(tuple(lines), is_cut=True, stored=pretty(metadata))
        lines.append(line)
    return MetadataView(tuple(lines), stored=pretty(metadata))


def lines_of(metadata: Mapping[str, Any]) -> Iterator[MetadataLine]:
    """Yields a line for every value. Nested keys are joined in the label, as in "Merchant city"."""
    for key, value in metadata.items():
        yield from _lines(value, _sentence(key), (str(key),))


def tidy(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields the label and the text of every value."""
    for line in lines_of(metadata):
        yield line.label, line.value_text


def _lines(value: Any, label: str, path: tuple[str, ...]) -> Iterator[MetadataLine]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _lines(inner, f"{label} {_words(key)}", (*path, str(key)) if path else ())
    elif isinstance(value, list) and any(isinstance(inner, Mapping | list) for inner in value):
        for number, inner in enumerate(value, 1):
            yield from _lines(
                inner, f"{label} {number}", ()
            )  # values in a list of objects have no search term
    else:
        yield _line(value, label, path)


def _line(value: Any, label: str, path: tuple[str, ...]) -> MetadataLine:
    value_text = shortened(visible(_value_text(value)), LONGEST_VALUE)
    field = meta_field(path)
    if not field or len(field) > LONGEST_TERM or value is None:
        return MetadataLine(_short(label), value_text)
    wanted = value if isinstance(value, str) else _value_text(value)
    is_term = isinstance(value, str | int | float | Decimal) and not isinstance(value, bool)
    is_term = is_term and len(wanted) <= LONGEST_TERM
    return MetadataLine(
        _short(label), value_text, having(path), token(field, wanted) if is_term else ""
    )


def _sentence(key: str) -> str:
    words = _words(key)
    return words[:1].upper() + words[1:]


def _words(key: str) -> str:
    plain = str(key).replace("_", " ").strip()
    return visible(WORDS.get(plain, plain)) or NOTHING


def _short(label: str) -> str:
    """Cuts off the beginning of a label that is too long, because the last keys are the most
    specific.
    """
    return label if len(label) <= LONGEST_TERM else f"…{label[-LONGEST_TERM:]}"


def _value_text(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, list):
        return ", ".join(_value_text(inner) for inner in value)
    return str(value)


def pretty(value: Any) -> str:
    """Returns the value as indented JSON, cut to `STORED_LIMIT` characters. Invisible characters
    are replaced by escape codes.
    """
    parts, size = [], 0
    for part in _pretty(value, ""):
        parts.append(part)
        size += len(part)
        if size >= STORED_LIMIT:
            break
    text = "".join(parts)[:STORED_LIMIT]
    odd = odd_characters(text) - {"\n"}
    return text.translate({ord(c): _escaped(c) for c in odd})


def _escaped(character: str) -> str:
    return json.dumps(character)[1:-1]


def _pretty(value: Any, indent: str) -> Iterator[str]:
    """Yields the JSON in parts, so that the caller can stop early."""
    if isinstance(value, Mapping | list) and value:
        opening, closing = "{}" if isinstance(value, Mapping) else "[]"
        deeper = f"{indent}  "
        yield opening
        for number, item in enumerate(value):
            yield f"{',' if number else ''}\n{deeper}"
            if isinstance(value, Mapping):
                yield f"{json.dumps(item, ensure_ascii=False)}: "
                yield from _pretty(value[item], deeper)
            else:
                yield from _pretty(item, deeper)
        yield f"\n{indent}{closing}"
    elif isinstance(value, Decimal):
        yield f"{value:f}"
    else:
        yield json.dumps(value, ensure_ascii=False)
