"""Hostile values in every parameter, field, header and cookie of pages, and their effects.

The functions yield a line for each hole. So one test uses them for the whole site, and another test
shows that they find bad pages (`tests/attacks/test_planted_pages.py`).
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from django.test import Client

from ledger.text.money import account_number
from tests.attacks.answers import Answer, ask, leads_away
from tests.attacks.bank import Holder
from tests.attacks.digests import SIGN_INS, watched_rows
from tests.attacks.forms import forms_seen
from tests.attacks.markup import MARKUP, strange_parts
from tests.attacks.parameters import Seen, page_of
from tests.attacks.people import attempt_of
from tests.attacks.reading import PageRead, names_asked, one_of_each
from tests.attacks.walk import Address
from tests.postgres_log import lines_logged

# Ends a text in SQL, too, because quotes come first.
MARKUP_AND_SQL = f"{MARKUP} OR 1=1; --"
ELSEWHERE = "https://evil.example/"
UNSTORABLE = "a\x00b\ud83d"  # Postgres stores no text with one of these two
LONG = "a1 " * 7_000  # longer than any text column
TOKEN = "csrfmiddlewaretoken"
MOST_POSTS = 3  # a view reads some fields only after others
FAILED, NOT_ALLOWED = 500, 405
# Headers that a client may send to any page. Only a request of htmx gets a part of a page.
HEADERS = (
    "Accept", "Accept-Language", "HX-Current-URL", "HX-Prompt", "HX-Target", "HX-Trigger",
    "Referer", "User-Agent", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
    "X-Real-IP", "X-Requested-With",
)  # fmt: skip
COOKIES = ("device", "messages", "theme")
# Postgres's errors for a text that became a part of SQL.
NO_SQL = re.compile("syntax error|unterminated|column .* does not exist")


@dataclass(frozen=True, slots=True)
class FieldsOfPage:
    """An address that accepts a form: its fields with their usual values, and all names that its
    view reads.
    """

    url: str
    fields: dict[str, str]
    names: frozenset[str]


def ways_to_name(holder: Holder) -> tuple[str, ...]:
    """Returns the values with which a request may refer to a person or to the person's rows."""
    return (str(holder.everyday.pk), holder.everyday.number, holder.user.email)


def ids_of(holder: Holder) -> tuple[str, ...]:
    """Returns the id of one row of each kind with a UUID."""
    rows = (holder.everyday, holder.transactions["paid"], holder.files[0])
    return tuple(str(row.pk) for row in rows)


def holes_by_parameters(
    client: Client,
    seen: Seen,
    values: Collection[str],
    facts: Collection[str] = (),
) -> Iterator[str]:
    """Yields the holes after sending each value in each parameter of each page, without and with
    the usual parameters.
    """
    tried = set()
    for path, usual in seen.names.items():
        fresh = [name for name in usual if (page_of(path), name) not in tried]
        tried |= {(page_of(path), name) for name in fresh}
        for name in fresh:
            for value in values:
                for others in ({}, usual):
                    answer = ask(client, "GET", path, {**others, name: value})
                    for what in bad(answer, f"{path} {value}", facts):
                        yield f"GET {path} {name}={value}: {what}"


def read_with_every_parameter(client: Client, seen: Seen, values: Collection[str]) -> None:
    """Reads each page with each value in all of its parameters."""
    for path, names in seen.names.items():
        for value in values:
            ask(client, "GET", path, dict.fromkeys(names, value))


def holes_by_fields(
    client: Client,
    pages: Iterable[FieldsOfPage],
    values: Collection[str],
    victim: Holder | None = None,
) -> Iterator[str]:
    """Yields the holes after sending each value in each field of these pages. All writes are
    undone.
    """
    facts = list(victim.facts()) if victim else []
    theirs = watched_rows([victim.user.pk, *ids_of(victim)] if victim else [], but=SIGN_INS)
    before, logged = theirs(), len(lines_logged())
    for page in pages:
        for name, value in product(sorted(page.names - {TOKEN}), values):
            with attempt_of(client) as sender:
                answer = ask(sender, "POST", page.url, {**page.fields, name: value})
                found = list(bad(answer, f"{page.url} {value}", facts))
                if not found and theirs() != before:
                    found.append("wrote a row of the victim")
            for what in found:
                yield f"POST {page.url} {name}={value}: {what}"
        lines = lines_logged()
        for line in filter(NO_SQL.search, lines[logged:]):
            yield f"POST {page.url}: {line}"
        logged = len(lines)


def holes_by_headers(
    client: Client,
    addresses: Iterable[Address],
    values: Collection[str],
    facts: Collection[str] = (),
) -> Iterator[str]:
    """Yields the holes after reading each page with each value in all headers and cookies, as a
    whole page and for htmx.
    """
    one_each = {address.pattern.template: address.url for address in addresses}
    logged = len(lines_logged())
    for url in one_each.values():
        for value, more in product(values, ({}, {"HX-Request": "true"})):
            headers = dict.fromkeys(HEADERS, value) | more
            with attempt_of(client) as sender:
                for name in COOKIES:
                    sender.cookies[name] = value
                    # Unchanged. Python's escapes would be refused before any page reads the value.
                    sender.cookies[name].set(name, value, value.encode().decode("latin-1"))
                answer = ask(sender, "GET", url, headers=headers)
                for what in bad(answer, f"{url} {value}", facts):
                    yield f"GET {url} with {value} in headers: {what}"
        lines = lines_logged()
        for line in filter(NO_SQL.search, lines[logged:]):
            yield f"GET {url} with hostile headers: {line}"
        logged = len(lines)


def pages_with_fields(client: Client, pages: Iterable[PageRead]) -> list[FieldsOfPage]:
    """Returns the pages that accept a form, one for each pattern. Their fields include the fields
    that a view reads although no form has them.
    """
    one_each = one_of_each(pages)
    forms: dict[str, dict[str, str]] = {}
    for form in forms_seen(one_each):
        if form.method == "POST":
            known = forms.setdefault(form.action, {})
            known.update({name: value or "1" for name, value in form.values.items()})
    urls = {page.url for page in one_each} | forms.keys()
    asked = (_fields(client, url, forms.get(url, {})) for url in sorted(urls))
    return [page for page in asked if page.names]


def _fields(client: Client, url: str, known: dict[str, str]) -> FieldsOfPage:
    """Returns the known fields, and the names that the view reads. Returns no names if the view
    accepts no POST.

    The admin responds differently if a field begins with _, so such a field is sent only as a
    hostile value.
    """
    fields, names = dict(known), set(known)
    for _ in range(MOST_POSTS):
        with names_asked() as asked, attempt_of(client) as sender:
            if ask(sender, "POST", url, fields).status == NOT_ALLOWED:
                return FieldsOfPage(url, {}, frozenset())
        if asked <= names:
            break
        names |= asked
        usual = dict.fromkeys((name for name in asked if not name.startswith("_")), "1")
        fields = {**usual, **fields}
    return FieldsOfPage(url, fields, frozenset(names))


def bad(answer: Answer, sent: str, facts: Collection[str]) -> Iterator[str]:
    """Yields the problems of a response to hostile values. Values that were sent do not count as
    facts.
    """
    if answer.status >= FAILED:
        yield f"status {answer.status}"
    if leads_away(location := answer.headers.get("Location", "")):
        yield f"leads to {location}"
    if "html" in answer.headers.get("Content-Type", "") and (strange := strange_parts(answer.body)):
        yield f"has {sorted(strange)}"
    typed = f"{sent} {' '.join(map(account_number, filter(str.isdigit, sent.split())))}"
    if shown := answer.shown(facts, typed):
        yield f"shows {shown}"
