"""Fuzzy matching of short texts with difflib: for "Did you mean …?" and for misspelt names.

Similarity is `difflib.SequenceMatcher.ratio()`: 1.0 for equal texts, 0.0 for texts that share no
character. Callers that need more certainty than CUTOFF pass a higher cutoff.

Note [Bounded similarity]: `ratio()` takes cubic time for texts of few different letters, 2.4 ms for
two of 200 letters. So only the first LONGEST characters are compared, 0.2 ms at worst, and of many
candidates only the MOST_COMPARED that share the most letters with the typed text.
"""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from heapq import nlargest

CUTOFF = 0.6  # difflib's default; finds "pendnig" for "pending"
LONGEST = 60  # characters that are compared
MOST_COMPARED = 200


def closest(
    typed: str, candidates: Sequence[str], most: int = 1, *, cutoff: float = CUTOFF
) -> list[str]:
    """Returns up to `most` candidates that are at least `cutoff` similar, the best first."""
    found = similarities(typed, candidates, cutoff=cutoff)
    return nlargest(most, found, found.__getitem__)


def similarity(typed: str, candidate: str, *, cutoff: float = CUTOFF) -> float:
    """Returns how similar two texts are by their first LONGEST characters; 0.0 if they are less
    similar than `cutoff`.
    """
    matcher = SequenceMatcher(None, typed[:LONGEST], candidate[:LONGEST], autojunk=False)
    if not _bound(matcher, cutoff):
        return 0.0
    ratio = matcher.ratio()
    return ratio if ratio >= cutoff else 0.0


def similarities(
    typed: str, candidates: Iterable[str], *, cutoff: float = CUTOFF
) -> dict[str, float]:
    """Returns the candidates that are at least `cutoff` similar, each with its similarity, see
    Note [Bounded similarity].
    """
    matcher = SequenceMatcher(None, autojunk=False)
    matcher.set_seq2(typed[:LONGEST])  # of which the letters are counted once
    bounds = dict[str, float]()
    for candidate in candidates:
        matcher.set_seq1(candidate[:LONGEST])
        if bound := _bound(matcher, cutoff):
            bounds[candidate] = bound
    found = dict[str, float]()
    for candidate in nlargest(MOST_COMPARED, bounds, bounds.__getitem__):
        matcher.set_seq1(candidate[:LONGEST])
        if (ratio := matcher.ratio()) >= cutoff:
            found[candidate] = ratio
    return found


def _bound(matcher: SequenceMatcher[str], cutoff: float) -> float:
    """The cheap upper bound of the ratio; 0.0 below `cutoff`, as most pairs are."""
    if matcher.real_quick_ratio() < cutoff:
        return 0.0
    bound = matcher.quick_ratio()
    return bound if bound >= cutoff else 0.0
