"""Markup in stored texts stays text: on every page, for each kind of reader.

All names, descriptions, references, metadata, notes, reasons, messages and file names of the bank
of `tests/attacks/visits.py` contain an element and an attribute.
"""

from urllib.parse import urlsplit

import pytest

from tests.attacks.markup import Markup
from tests.attacks.visits import ATTRIBUTE, ELEMENT, Visits

pytestmark = pytest.mark.django_db
SCHEMES = {"", "http", "https", "mailto", "data", "otpauth"}


def test_no_stored_text_becomes_an_element_or_an_attribute(visits: Visits) -> None:
    made: list[tuple[str, str, set[str]]] = []
    shown = set()

    for kind, url, answer in visits.pages():
        if "html" not in answer.headers.get("Content-Type", ""):
            continue
        markup = Markup(answer.body)
        if ELEMENT in answer.body:
            shown.add(kind)
        strange = {link for link in markup.links if urlsplit(link).scheme not in SCHEMES}
        strange |= markup.inline | markup.names & {ELEMENT, ATTRIBUTE, "onfocus"}
        if strange:
            made.append((kind, url, strange))

    assert made == []
    assert shown >= {"customer", "staff", "superuser"}  # as text, else the test would prove nothing


def test_other_answers_are_no_pages(visits: Visits) -> None:
    """A file or JSON with such texts is never taken for a page by a browser."""
    wrong = [
        (kind, url, answer.headers.get("Content-Type"))
        for kind, url, answer in visits.pages()
        if ELEMENT in answer.body and answer.headers.get("Content-Type", "").startswith(
            ("text/xml", "application/xhtml", "image/svg", "application/xml")
        )
    ]  # fmt: skip

    assert wrong == []
    assert all(it.headers["X-Content-Type-Options"] == "nosniff" for *_, it in visits.pages())
