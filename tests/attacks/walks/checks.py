"""Checks for responses that apply to any reader and any request."""

import re
from collections.abc import Iterator

from tests.attacks.answers import Answer, leads_away
from tests.attacks.cells import formula_cells
from tests.attacks.expected_headers import wrong_headers
from tests.attacks.markup import strange_parts

FAILED = 500
SHARED = re.compile(r"\b(public|s-maxage)\b")


def wrong_with(asked: str, answer: Answer) -> Iterator[str]:
    """Yields a line for each hole: an error of the site, a redirect to another site, strange
    markup, a formula in a file, a missing header, or a response to a form that shared caches may
    keep.
    """
    kind = answer.headers.get("Content-Type", "")
    if answer.status >= FAILED:
        yield f"status {answer.status}"
    if leads_away(location := answer.headers.get("Location", "")):
        yield f"leads to {location}"
    if "html" in kind and (strange := strange_parts(answer.body)):
        yield f"has {sorted(strange)}"
    if kind.startswith("text/csv") and (cells := formula_cells(answer.body)):
        yield f"has the formulas {cells}"
    if wrong := wrong_headers(answer.headers):
        yield f"has other headers: {wrong}"
    caching = answer.headers.get("Cache-Control", "")
    if asked.startswith("POST") and SHARED.search(caching):
        yield f"may be kept: {caching}"
