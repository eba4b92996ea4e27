"""Compares a typed name with the name of the account holder, and masks names.

A payer may learn that a number belongs to another person than the payer typed. The payer sees the
full name only after typing the full name correctly. Otherwise the payer sees only the first letter
of each word. Showing the full name after a close match would help people who guess names. For the
same reason, a typed name may not be a list of guesses (`_is_part`), and the number of wrong names
per day is limited (`quota`).
"""

import unicodedata
from itertools import product

from ledger.text.fuzzy import folded, similarity
from transactions.models import NameCheck

CLOSE = 0.8  # minimum similarity of a close match: one wrong letter in five
MOST_WORDS = 4  # maximum number of words in a masked name
LONGEST_NAME = 140  # maximum length of a name, in characters
IN_TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
TITLES = {"dr", "miss", "mr", "mrs", "ms", "prof"}


def compared(typed: str, holder: str) -> NameCheck:
    """Returns the result of comparing a typed name with the holder's name. Returns NONE if nothing
    was typed.

    Ignores case, accents, titles and the order of the words. The result is CLOSE if a word is
    missing or added, is only an initial, or has a typing error.
    """
    if not typed:
        return NameCheck.NONE
    pairs = list(product(_spellings(typed), _spellings(holder)))
    if any(given and given == real for given, real in pairs):
        return NameCheck.MATCH
    is_close = any(_is_part(given, real) or _alike(given, real) for given, real in pairs)
    return NameCheck.CLOSE if is_close else NameCheck.OTHER


def masked_name(name: str) -> str:
    """Returns a masked name: "M••• L•••" for Mara Lindt. The initials are enough for a payer to
    notice a wrong number.
    """
    words = name.split()[:MOST_WORDS]
    return " ".join(f"{word[0]}•••" for word in words)


def _spellings(name: str) -> list[list[str]]:
    """Returns one or two lists with the words of a name. The first list contains o instead of ö,
    the second list oe.
    """
    lower = unicodedata.normalize("NFKC", name.casefold())
    in_two_letters = lower.translate(IN_TWO_LETTERS)
    return [_words(each) for each in dict.fromkeys((lower, in_two_letters))]


def _words(name: str) -> list[str]:
    """Returns the words of a name in alphabetical order, without accents, punctuation and
    titles.
    """
    letters = (c for c in folded(name) if c not in "'\u2019.")
    plain = "".join(c if c.isalnum() else " " for c in letters)
    return sorted(set(plain.split()) - TITLES)


def _is_part(given: list[str], real: list[str]) -> bool:
    """Returns whether one name is a part of the other name. Each word of the shorter name must be a
    word of the longer name, or the initial of such a word. At least one word must be complete.

    The typed name may have at most one word more than the real name, and at least half of the typed
    words must match. Otherwise a list of guesses with one right guess would be a close match.
    """
    if len(given) > len(real) + 1:
        return False
    fitting = sum(any(_fits(word, other) for other in real) for word in given)
    few, many = sorted((given, real), key=len)
    in_full = [word for word in few if word in many and len(word) > 1]
    all_fit = all(any(_fits(word, other) for other in many) for word in few)
    return bool(in_full) and all_fit and 2 * fitting >= len(given)


def _fits(one: str, other: str) -> bool:
    """Returns whether two words are equal, or one word is the initial of the other."""
    return one == other or (one[0] == other[0] and 1 in (len(one), len(other)))


def _alike(given: list[str], real: list[str]) -> bool:
    return similarity(" ".join(given), " ".join(real), cutoff=CLOSE) >= CLOSE
