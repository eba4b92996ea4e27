"""Compares a typed name with the holder's name, and masks names.

A payer may learn that a number belongs to somebody else. They see the full name if they typed it
correctly, otherwise only the first letter of each word. A close match would help people to guess
names. So a typed name may not be a list of guesses (`_is_part`), and wrong names are limited per
day (`quota`).
"""

import unicodedata
from itertools import product

from ledger.text.fuzzy import similarity
from transactions.models import NameCheck

CLOSE = 0.8  # minimum similarity: one wrong letter in five
MOST_WORDS = 4  # maximum words of a masked name
LONGEST_NAME = 140  # maximum characters of a name
# Letters without a Unicode decomposition, and how people type them without a matching keyboard.
LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "\u0131": "i"}
)
IN_TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
TITLES = {"dr", "miss", "mr", "mrs", "ms", "prof"}


def compared(typed: str, holder: str) -> NameCheck:
    """Compares a typed name with the holder's name. Returns NONE if nothing was typed.

    Case, accents, titles and word order do not matter. An initial, a missing or extra word, or a
    typing error gives CLOSE.
    """
    if not typed:
        return NameCheck.NONE
    pairs = list(product(_spellings(typed), _spellings(holder)))
    if any(given and given == real for given, real in pairs):
        return NameCheck.MATCH
    is_close = any(_is_part(given, real) or _alike(given, real) for given, real in pairs)
    return NameCheck.CLOSE if is_close else NameCheck.OTHER


def masked_name(name: str) -> str:
    """Returns "M••• L•••" for Mara Lindt, which is enough to notice a wrong number."""
    words = name.split()[:MOST_WORDS]
    return " ".join(f"{word[0]}•••" for word in words)


def _spellings(name: str) -> list[list[str]]:
    """Returns the words of a name as people type them, with ö as o and as oe."""
    folded = unicodedata.normalize("NFKC", name.casefold())
    in_two_letters = folded.translate(IN_TWO_LETTERS)
    return [_words(each) for each in dict.fromkeys((folded, in_two_letters))]


def _words(folded: str) -> list[str]:
    """Returns the words of a name, sorted, without accents and punctuation."""
    letters = unicodedata.normalize("NFKD", folded).translate(LETTERS)
    plain = "".join(
        c if c.isalnum() else " "
        for c in letters
        if not unicodedata.combining(c) and c not in "'\u2019."
    )
    return sorted(set(plain.split()) - TITLES)


def _is_part(given: list[str], real: list[str]) -> bool:
    """Returns whether each word of the shorter name is a word of the other name or an initial of
    one, with at least one full word.

    A longer typed name may have one extra word, and at least half of its words must match.
    Otherwise a list of guesses would be close if one guess is right.
    """
    if len(given) > len(real) + 1:
        return False
    fitting = sum(any(_fits(word, other) for other in real) for word in given)
    few, many = sorted((given, real), key=len)
    in_full = [word for word in few if word in many and len(word) > 1]
    all_fit = all(any(_fits(word, other) for other in many) for word in few)
    return bool(in_full) and all_fit and 2 * fitting >= len(given)


def _fits(one: str, other: str) -> bool:
    """Returns whether the two words are equal, or one is the initial of the other."""
    return one == other or (one[0] == other[0] and 1 in (len(one), len(other)))


def _alike(given: list[str], real: list[str]) -> bool:
    return similarity(" ".join(given), " ".join(real), cutoff=CLOSE) >= CLOSE
