"""Finds texts that contain one of many words, names or email addresses.

Note [A pattern each]: a person may have had many addresses. Postgres needs time and memory to
compile a regular expression, and both grow with the square of its length. So each word, name and
address has a separate pattern. Postgres evaluates a pattern only for texts that contain the longest
part of the pattern.

Note [Whole addresses]: the mailbox of an address may contain an apostrophe and the characters in
SIGNS. So `brien@mail.example` is a part of the address `o'brien@mail.example`, but a whole address
in the SQL text `'brien@mail.example'`. In most texts, these characters separate an address from
other text, as in `email=ana@mail.example`. An apostrophe belongs to the mailbox if it follows a
letter, except in E'...' of Postgres. A character in SIGNS belongs to the mailbox only if it follows
a letter and another person now has such an address.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from django.contrib.postgres.fields import ArrayField
from django.db.models import BooleanField, Func, QuerySet, TextField, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Lower, Upper

MANY = ArrayField(TextField())
SIGNS = "!#$%&*/=?^`{|}~"  # SIGNS, LETTERS and the apostrophe are allowed in a mailbox by RFC 5322
WITH_SIGN = f"[{SIGNS}].*@"
LETTERS = r"\w.+-"
NOT_AFTER_APOSTROPHE = r"(?<![^\WEe]')(?<!\wE')(?<!\w'')(?<!\w\\')"


class TextPattern(NamedTuple):
    """A regular expression of Postgres. `part` is contained in every matching text, in upper or
    lower case.
    """

    expression: str
    part: str


class HasAny(Func):
    """A condition that a text matches at least one pattern. See Note [A pattern each].

    The arguments are: the text, the text converted to one case, the parts of the patterns converted
    to the same case, and the regular expressions.
    """

    template = """EXISTS (
        SELECT FROM (SELECT %(expressions)s OFFSET 0) AS given (value, folded, parts, patterns),
            unnest(parts, patterns) AS each (part, pattern)
        WHERE CASE WHEN strpos(folded, part) > 0 THEN value ~* pattern END)"""
    output_field = BooleanField()


def having(field: str, patterns: Iterable[TextPattern]) -> HasAny:
    """Returns the condition that a column matches at least one pattern. The field may be a key of a
    JSON column.
    """
    text = KT(field) if "__" in field else Cast(field, TextField())
    parts, expressions = [], []
    for pattern in patterns:
        parts.append(pattern.part)
        expressions.append(pattern.expression)
    folded = Func(  # by Postgres, because Python converts some letters differently
        Value(parts, MANY), output_field=MANY,
        template="ARRAY(SELECT upper(lower(part)) FROM unnest(%(expressions)s::text[]) AS part)",
    )  # fmt: skip
    return HasAny(text, Upper(Lower(text)), folded, Cast(Value(expressions, MANY), MANY))


def without(
    rows: QuerySet[Any], field: str, addresses: Collection[TextPattern]
) -> Iterator[tuple[QuerySet[Any], Func]]:
    """Yields two values for each address: the rows whose column contains the address, and an
    expression for the column's text in which "erased" replaces the address.
    """
    if not rows.filter(having(field, addresses)).exists():
        return
    for address in addresses:
        text, pattern = Cast(field, TextField()), Value(address.expression)
        shorter = Func(text, pattern, Value("erased"), Value("gi"), function="regexp_replace")
        yield rows.filter(having(field, [address])), shorter


def has_any(text: str, addresses: Iterable[TextPattern]) -> bool:
    """Returns whether the text contains at least one of the addresses."""
    folded = _folded(text)
    return any(
        _folded(part) in folded and re.search(expression, text, re.IGNORECASE)
        for expression, part in addresses
    )


def _folded(text: str) -> str:
    return text.lower().upper()


def patterns_of_words(texts: Iterable[str]) -> list[TextPattern]:
    """Returns a pattern for each text. A pattern matches only whole words. Texts of one character
    are left out.
    """
    return [
        TextPattern(rf"(^|[^[:alnum:]]){_words(text)}($|[^[:alnum:]])", _longest_part(text))
        for text in sorted(set(texts))
        if len(text) > 1
    ]


def _words(text: str) -> str:
    return re.escape(text).replace("\\ ", "[[:space:]]+")


def patterns_of_addresses(
    addresses: Iterable[str], of_others: Iterable[str] = ()
) -> list[TextPattern]:
    """Returns patterns that match each address, but not a part of another address. The patterns
    work in Postgres and in Python, see Note [Whole addresses]. In SQL texts, an apostrophe may be
    doubled or follow a backslash.

    Longer addresses come first. So if an address ends with another address, the whole address is
    replaced.
    """
    not_after_sign = _not_after_sign(of_others)
    return [
        TextPattern(
            rf"(?<![{LETTERS}]){not_after_sign.get(address, '')}{NOT_AFTER_APOSTROPHE}"
            rf"{_quoted(address)}(?![\w-]|\.\w)",
            _longest_part(address),
        )
        for address in sorted(set(addresses), key=lambda each: (-len(each), each))
        if address
    ]


def _not_after_sign(addresses: Iterable[str]) -> dict[str, str]:
    """Returns regular expressions that prevent a match inside a longer address. A longer address
    contains a character in SIGNS, such as the `*` in `x*ana@mail.example`.

    Each key is the part of an address after such a character. The value is the beginning of the
    regular expression for this part. It prevents a match if a letter and the character come
    directly before the part.
    """
    signs: dict[str, set[str]] = defaultdict(set)
    for address in addresses:
        for place, sign in enumerate(address):
            if sign in SIGNS:
                signs[address[place + 1 :]].add(re.escape(sign))
    return {rest: rf"(?<![{LETTERS}][{''.join(sorted(each))}])" for rest, each in signs.items()}


def _quoted(address: str) -> str:
    return re.escape(address).replace("'", r"(\\?'){1,2}")


def _longest_part(text: str) -> str:
    """Returns the longest part of the text that contains no spaces, apostrophes or backslashes.
    Every text that matches the pattern contains this part unchanged.
    """
    return max(re.split(r"[\s'\\]+", text), key=len)
