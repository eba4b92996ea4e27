"""Fuzzy matching of short texts with difflib: for "Did you mean …?" and for misspelt names.

Similarity is `difflib.SequenceMatcher.ratio()`: 1.0 for equal texts, 0.0 for texts that share no
character. Callers that need more certainty than CUTOFF pass a higher cutoff.
"""

from collections.abc import Sequence
from difflib import SequenceMatcher, get_close_matches

CUTOFF = 0.6  # difflib's default; finds "pendnig" for "pending"


def closest(
    typed: str, candidates: Sequence[str], most: int = 1, *, cutoff: float = CUTOFF
) -> list[str]:
    """Returns up to `most` candidates that are at least `cutoff` similar, the best first."""
    return get_close_matches(typed, candidates, most, cutoff)


def similarity(typed: str, candidate: str, *, cutoff: float = CUTOFF) -> float:
    """Returns how similar two texts are; 0.0 if they are less similar than `cutoff`.

    Computes difflib's two cheap upper bounds first, because most pairs fail them.
    """
    matcher = SequenceMatcher(None, typed, candidate, autojunk=False)
    for bound in (matcher.real_quick_ratio, matcher.quick_ratio, matcher.ratio):
        if (ratio := bound()) < cutoff:
            return 0.0
    return ratio
