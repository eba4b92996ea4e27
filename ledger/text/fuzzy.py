"""Finds similar short texts, for "Did you mean …?" and for misspelt names.

The similarity is `difflib.SequenceMatcher.ratio()`: 1.0 for equal texts, and 0.0 for texts without
a common character.

Note [Bounded similarity]: for texts with few different letters, `ratio()` takes cubic time: 2.4 ms
for two texts of 200 letters. Therefore only the first LONGEST characters are compared, which takes
at most 0.2 ms. Of many candidates, only the MAX_COMPARED candidates with the most letters in common
with the typed text are compared.
"""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from heapq import nlargest
from unicodedata import combining, normalize

CUTOFF = 0.6  # difflib's default, which finds "pendnig" for "pending"
LONGEST = 60  # maximum number of characters that are compared
MAX_COMPARED = 200
# Letters that Unicode cannot decompose, and what the dictionary `unaccent` replaces them with.
LETTERS = str.maketrans({
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ħ": "h",
    "\u0131": "i", "ĸ": "q", "ł": "l", "ŋ": "n", "ŧ": "t",
})  # fmt: skip


def folded(text: str) -> str:
    """Returns the text in lower case and without accents. European letters are replaced as the
    dictionary `unaccent` replaces them.
    """
    plain = "".join(c for c in normalize("NFKD", text.lower()) if not combining(c))
    return plain.translate(LETTERS)


def closest(
    typed: str, candidates: Sequence[str], most: int = 1, *, cutoff: float = CUTOFF
) -> list[str]:
    """Returns at most `most` candidates whose similarity is at least `cutoff`, best first."""
    found = similarities(typed, candidates, cutoff=cutoff)
    return nlargest(most, found, found.__getitem__)


def similarity(typed: str, candidate: str, *, cutoff: float = CUTOFF) -> float:
    """Returns the similarity of the first LONGEST characters of two texts, or 0.0 if the similarity
    is below `cutoff`.
    """
    matcher = SequenceMatcher(None, typed[:LONGEST], candidate[:LONGEST], autojunk=False)
    if not _bound(matcher, cutoff):
        return 0.0
    ratio = matcher.ratio()
    return ratio if ratio >= cutoff else 0.0


def similarities(
    typed: str, candidates: Iterable[str], *, cutoff: float = CUTOFF
) -> dict[str, float]:
    """Returns the similarities of the candidates whose similarity is at least `cutoff`. See Note
    [Bounded similarity].
    """
    matcher = SequenceMatcher(None, autojunk=False)
    matcher.set_seq2(typed[:LONGEST])  # difflib counts the letters of seq2 only once
    bounds = dict[str, float]()
    for candidate in candidates:
        matcher.set_seq1(candidate[:LONGEST])
        if bound := _bound(matcher, cutoff):
            bounds[candidate] = bound
    found = dict[str, float]()
    for candidate in nlargest(MAX_COMPARED, bounds, bounds.__getitem__):
        matcher.set_seq1(candidate[:LONGEST])
        if (ratio := matcher.ratio()) >= cutoff:
            found[candidate] = ratio
    return found


def _bound(matcher: SequenceMatcher[str], cutoff: float) -> float:
    """Returns an upper bound of the similarity, or 0.0 if the bound is below `cutoff`. The bound is
    faster to compute than the similarity.
    """
    if matcher.real_quick_ratio() < cutoff:
        return 0.0
    bound = matcher.quick_ratio()
    return bound if bound >= cutoff else 0.0
