"""The shape of a page: its parts, its number of words, the limits of its fields, its links and
amounts.

`shapes_of_pages.txt` contains a line for each page that `test_each_page.py` reads. After an
intended change, delete the file, run the test twice, and read the difference.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from html import unescape
from itertools import groupby
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.urls import Resolver404, resolve

FILE = Path(__file__).with_name("shapes_of_pages.txt")
COUNTED = (
    "h2", "p", "tr", "th", "td", "li", "dt", "dd", "rect", "title", "form", "button", "a",
    "summary", "strong", "small", "code",
)  # fmt: skip
TAG = re.compile(r"<(/?[a-z][a-z0-9]*)\b([^>]*)>")
ATTRIBUTE = re.compile(r'([a-z-]+)(?:="([^"]*)")?')
# Also the boxes of query plans, which contain times.
NOT_SHOWN = re.compile(
    r'<(script|style)\b.*?</\1>|<ul class="plan-tree".*?(?=<details class="plan">)', re.DOTALL
)
FIELDS = ("input", "select", "textarea")
TOKEN = "csrfmiddlewaretoken"
LIMITS = (
    "type", "min", "max", "step", "minlength", "maxlength", "pattern", "accept", "required",
    "readonly", "disabled", "checked", "multiple", "inputmode", "autocomplete",
)  # fmt: skip
CHANGING = re.compile(r"\d{4}-\d\d-\d\d(T[\d:.]+)?|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
WORD = re.compile(r"(?<!\S)(?![A-Z]+\b)[^\W\d_]{2,}(?=[.,:;?]?(?:\s|$))")
AMOUNT = re.compile(r"(?<![\d.,])[+\N{MINUS SIGN}]?\d[\d,]*\.\d\d(?![\d.])")


def shape_of(page: str) -> str:
    """Returns one line: words and parts of each kind, fields with limits, links, amounts."""
    main = NOT_SHOWN.sub("", page[page.index("<main") : page.index("</main")])
    tags = [(name, attributes_of(rest)) for name, rest in TAG.findall(main)]
    counts = Counter(name for name, _ in tags)
    text = unescape(re.sub(r"<[^>]+>", " ", main))
    links = {where for name, facts in tags if name == "a" for where in link(facts.get("href", ""))}
    return " | ".join(
        (
            f"{len(WORD.findall(text))} words "
            + " ".join(f"{counts[name]} {name}" for name in COUNTED if counts[name]),
            " ".join(repeats_counted(reversed([*fields_of(tags)]))),
            " ".join(sorted(links)),
            " ".join(sorted(AMOUNT.findall(text))),
        )
    )


def attributes_of(rest: str) -> dict[str, str]:
    return {name: unescape(value) for name, value in ATTRIBUTE.findall(rest)}


def fields_of(tags: list[tuple[str, dict[str, str]]]) -> Iterator[str]:
    """Yields each field with its limits and its number of options."""
    options = 0
    for name, facts in reversed(tags):
        options += name == "option"
        if name in FIELDS and facts.get("name", TOKEN) != TOKEN:
            limits = [
                f"{limit}={CHANGING.sub('*', facts[limit])}" for limit in LIMITS if limit in facts
            ]
            if name == "select":
                limits.append(f"options={options}")
            yield f"{CHANGING.sub('*', facts['name'])}({','.join(limits)})"
        if name in FIELDS:
            options = 0


def repeats_counted(texts: Iterable[str]) -> Iterator[str]:
    for text, same in groupby(texts):
        count = len([*same])
        yield f"{count} {text}" if count > 1 else text


def link(href: str) -> Iterator[str]:
    """Yields the name of the page to which a link leads, with the names of its parameters."""
    parts = urlsplit(href)
    try:
        found = resolve(parts.path)
    except Resolver404:
        return
    asked = sorted({name for name, _ in parse_qsl(parts.query, keep_blank_values=True)})
    yield f"{found.view_name}{'?' if asked else ''}{'&'.join(asked)}"


def changed_shapes(found: list[str]) -> list[str]:
    """Returns the lines that are missing in the file, and the lines that only the file contains.
    Writes the file if it does not exist.
    """
    if not FILE.exists():
        FILE.write_text("\n".join(found) + "\n")
        pytest.fail(f"{FILE.name} is new; read it, and run this again")
    known = FILE.read_text().splitlines()
    return [*(f"+ {line}" for line in found if line not in known)] + [
        f"- {line}" for line in known if line not in found
    ]
