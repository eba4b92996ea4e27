"""Fuzzy matching of short texts with difflib: for "Did you mean …?" and for misspelt names.

Similarity is `difflib.SequenceMatcher.ratio()`: 1.0 for equal texts, 0.0 for texts without a common
character. Callers can pass a cutoff above CUTOFF to get only closer matches.

Note [Bounded similarity]: for texts with few different letters, `ratio()` takes cubic time: 2.4 ms
for two texts of 200 letters. So only the first LONGEST characters are compared, which takes 0.2 ms
at worst. If there are many candidates, only the MAX_COMPARED candidates are compared that have the
most letters in common with the typed text.
"""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from heapq import nlargest

CUTOFF = 0.6  # difflib's default; finds "pendnig" for "pending"
LONGEST = 60  # characters that are compared
MAX_COMPARED = 200


def closest(
    typed: str, candidates: Sequence[str], most: int = 1, *, cutoff: float = CUTOFF
) -> list[str]:
    """Returns up to `most` candidates with a similarity of at least `cutoff`, the best first."""
    found = similarities(typed, candidates, cutoff=cutoff)
    return nlargest(most, found, found.__getitem__)


def similarity(typed: str, candidate: str, *, cutoff: float = CUTOFF) -> float:
    """Returns the similarity of the first LONGEST characters of two texts; 0.0 if it is below
    `cutoff`.
    """
    matcher = SequenceMatcher(None, typed[:LONGEST], candidate[:LONGEST], autojunk=False)
    if not _bound(matcher, cutoff):
        return 0.0
    ratio = matcher.ratio()
    return ratio if ratio >= cutoff else 0.0


def similarities(
    typed: str, candidates: Iterable[str], *, cutoff: float = CUTOFF
) -> dict[str, float]:
    """Returns the candidates with a similarity of at least `cutoff`, with their similarities. See
    Note [Bounded similarity].
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
    """Returns a cheap upper bound of the ratio; 0.0 if it is below `cutoff`, as for most pairs."""
    if matcher.real_quick_ratio() < cutoff:
        return 0.0
    bound = matcher.quick_ratio()
    return bound if bound >= cutoff else 0.0
