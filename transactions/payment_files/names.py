"""Whether the name in a file is that of the account's holder, and names shown in part.

A payer may see that a number is somebody else's, and nobody may collect the names of the bank's
customers by uploading numbers: the holder's name is shown in full to those who know it.
"""

import unicodedata
from difflib import SequenceMatcher

from transactions.payment_models import NameCheck

CLOSE = 0.8  # of `SequenceMatcher.ratio`: one letter wrong in five
MOST_WORDS = 4  # of a masked name
TITLES = {"dr", "miss", "mr", "mrs", "ms", "prof"}


def compared(typed: str, holder: str) -> NameCheck:
    """What a typed name is to the holder's: NONE where nothing was typed.

    Case, accents, titles and the order of words do not matter. An initial, a word left out or a
    slip of the pen is CLOSE.
    """
    if not typed:
        return NameCheck.NONE
    given, real = _words(typed), _words(holder)
    if given and given == real:
        return NameCheck.MATCH
    return NameCheck.CLOSE if _is_part(given, real) or _alike(given, real) else NameCheck.OTHER


def masked(name: str) -> str:
    """ "M••• L•••" of Mara Lindt: enough to notice a wrong number, too little to learn a name."""
    words = name.split()[:MOST_WORDS]
    return " ".join(f"{word[0]}•••" for word in words)


def _words(name: str) -> list[str]:
    """The words of a name, in one order, without case, accents and punctuation."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(
        c if c.isalnum() else " "
        for c in letters
        if not unicodedata.combining(c) and c not in "'\u2019."
    )
    return sorted(set(plain.split()) - TITLES)


def _is_part(given: list[str], real: list[str]) -> bool:
    """Each word of the shorter name is one of the other's, or its initial; one in full at least."""
    few, many = sorted((given, real), key=len)
    in_full = [word for word in few if word in many and len(word) > 1]
    return bool(in_full) and all(
        any(other == word or _is_initial(word, other) for other in many) for word in few
    )


def _is_initial(one: str, other: str) -> bool:
    return one[0] == other[0] and 1 in (len(one), len(other))


def _alike(given: list[str], real: list[str]) -> bool:
    matcher = SequenceMatcher(None, " ".join(given), " ".join(real), autojunk=False)
    return (
        matcher.real_quick_ratio() >= CLOSE
        and matcher.quick_ratio() >= CLOSE
        and matcher.ratio() >= CLOSE
    )
