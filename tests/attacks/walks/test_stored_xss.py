"""Markup in stored texts and in parameters stays text, on every page and for each kind of reader.

All names, descriptions, references, metadata, notes, reasons, messages and file names of the bank
in `tests/attacks/walks/site.py` contain an element and an attribute.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.env import BASE_DIR
from ledger.web.template_files import template_files
from tests.attacks.answers import ask
from tests.attacks.markup import ELEMENT, MARKUP, strange_parts
from tests.attacks.parameters import page_of
from tests.attacks.walks.site import Visits, WalkedSite
from tests.template import APPS

pytestmark = pytest.mark.django_db
# Code that makes HTML of values that are not literals. Each escapes its texts, or receives escaped
# texts.
MARKED = {
    ("accounts/admin/giving.py", "pending_groups_html"),
    ("cookbook/templatetags/cookbook.py", "breakable"),
    ("transactions/entry_line.py", "row_format"),
    ("transactions/entry_line.py", "filled"),
    ("transactions/entry_line.py", "badges_of"),
    ("transactions/entry_line.py", "_again"),
    ("transactions/search/highlights.py", "html"),
    ("transactions/search/highlights.py", "escaped"),
    ("transactions/search/page/hits.py", "line"),
    ("transactions/search/page/hits.py", "second_line"),
    ("transactions/search/page/hits.py", "lines"),
}
# Functions that accept HTML, and the number of their parameters that are HTML.
TAKING_HTML = {"mark_safe": 1, "SafeString": 1, "format_html": 1, "format_html_join": 2}


def test_no_stored_text_becomes_an_element_or_an_attribute(all_answers: Visits) -> None:
    made: list[tuple[str, str, frozenset[str]]] = []
    shown = set()

    for kind, url, answer in all_answers.pages():
        if "html" not in answer.headers.get("Content-Type", ""):
            continue
        if ELEMENT in answer.body:
            shown.add(kind)
        if strange := strange_parts(answer.body):
            made.append((kind, url, strange))

    assert made == []
    assert shown >= {"customer", "staff"}  # as text, otherwise the test would prove nothing


@pytest.mark.parametrize("kind", ["customer", "staff"])
def test_the_walk_reads_messages_with_such_texts(site: WalkedSite, kind: str) -> None:
    """Messages are on the page after a form."""
    messages = re.compile(r'<div class="toast .*?</div>|<ul class="messagelist">.*?</ul>', re.S)
    found = [
        url
        for url, answer in site.form_visits.answers[kind].items()
        if any(ELEMENT in it[0] for it in messages.finditer(answer.body))
    ]

    assert len(found) > 2


@pytest.mark.parametrize("kind", ["customer", "analyst", "staff"])
def test_no_parameter_becomes_an_element_or_an_attribute(site: WalkedSite, kind: str) -> None:
    client = site.client(kind)
    made, shown, tried = [], set(), set()

    for path, names in site.read_by(kind).parameters.names.items():
        fresh = [name for name in names if (page_of(path), name) not in tried]
        tried |= {(page_of(path), name) for name in fresh}
        for name in fresh:
            for value in (MARKUP, "javascript:alert(1)"):
                answer = ask(client, "GET", path, {**names, name: value})
                if "html" not in answer.headers.get("Content-Type", ""):
                    continue
                if ELEMENT in answer.body:
                    shown.add(path)
                if strange := strange_parts(answer.body):
                    made.append((path, name, strange))

    assert made == []
    assert "/search/" in shown  # as text


def test_no_page_turns_escaping_off() -> None:
    """Texts that no walk reads, such as the message about a frozen account, are also escaped."""
    off = re.compile(r"\|\s*safe(?:seq)?\b|autoescape\s+off")
    found = {
        f"{path.relative_to(BASE_DIR)}: {line.strip()}"
        for _name, path in template_files()
        for line in path.read_text(encoding="utf-8").splitlines()
        if off.search(line)
    }
    # Help texts come from the code of forms and models, not from people.
    assert [line for line in found if "{{ field.help_text|safe }}" not in line] == []


def test_html_is_made_of_texts_in_these_places_only() -> None:
    """A message of a service that no walk reads stays text, because no code marks it as HTML."""
    found = {
        (str(path.relative_to(BASE_DIR)), function)
        for app in APPS
        for path in (BASE_DIR / app).rglob("*.py")
        for function in functions_making_html(path)
    }

    assert found == MARKED


def functions_making_html(path: Path) -> Iterator[str]:
    """Yields the functions that make HTML of a value that is not a literal."""
    for outer in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
            continue
        inner = list[ast.AST](ast.iter_child_nodes(outer))
        for node in inner:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue  # is visited separately
            inner += ast.iter_child_nodes(node)
            if not isinstance(node, ast.Call):
                continue
            html = TAKING_HTML.get(ast.unparse(node.func).rpartition(".")[2], 0)
            if not all(isinstance(each, ast.Constant) for each in node.args[:html]):
                yield getattr(outer, "name", "")


def test_other_answers_are_no_pages(all_answers: Visits) -> None:
    """A browser never shows a file or JSON with such texts as a page."""
    wrong = [
        (kind, url, answer.headers.get("Content-Type"))
        for kind, url, answer in all_answers.pages()
        if ELEMENT in answer.body and answer.headers.get("Content-Type", "").startswith(
            ("text/xml", "application/xhtml", "image/svg", "application/xml")
        )
    ]  # fmt: skip

    assert wrong == []
    answers = [answer for *_, answer in all_answers.pages()]
    assert all(it.headers["X-Content-Type-Options"] == "nosniff" for it in answers)
