"""Hostile values in every parameter, field, header and cookie of pages, and what they bring about.

The functions return a line for each hole, so that one test walks the whole site with them and
another one shows that they find pages that were planted (`test_planted_pages.py`).
"""

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from itertools import product

from django.test import Client

from ledger.text.money import account_number
from tests.attacks.answers import Answer, ask, leads_away
from tests.attacks.bank import Holder
from tests.attacks.digests import OF_EVERY_VISIT, digests_of_rows_with
from tests.attacks.forms import forms_seen
from tests.attacks.markup import MARKUP, strange_parts
from tests.attacks.parameters import Seen, names_asked, page_of, parameters_seen
from tests.attacks.people import rolled_back
from tests.attacks.walk import Address
from tests.postgres_log import lines_logged

# Ends a text of SQL, too, because quotes come first.
MARKUP_AND_SQL = f"{MARKUP} OR 1=1; --"
ELSEWHERE = "https://evil.example/"
TOKEN = "csrfmiddlewaretoken"
MOST_POSTS = 3  # a view asks for some fields only after others
FAILED, NOT_ALLOWED = 500, 405
# What a client may send to any page; a part of a page comes only to a request of htmx.
HEADERS = (
    "Accept", "Accept-Language", "HX-Current-URL", "HX-Prompt", "HX-Target", "HX-Trigger",
    "Referer", "User-Agent", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
    "X-Real-IP", "X-Requested-With",
)  # fmt: skip
COOKIES = ("device", "messages", "theme")
# How Postgres refuses a text that became a part of SQL.
NO_SQL = re.compile("syntax error|unterminated|column .* does not exist")


@dataclass(frozen=True, slots=True)
class FieldsOfPage:
    """An address that takes a form: its fields, each with the value that it usually has."""

    url: str
    fields: dict[str, str]


def ways_to_name(holder: Holder) -> tuple[str, ...]:
    """What a request may say to mean a person or what is theirs."""
    return (str(holder.everyday.pk), holder.everyday.number, holder.user.email)


def ids_of(holder: Holder) -> tuple[str, ...]:
    """One row of each kind with a UUID."""
    rows = (holder.everyday, holder.transactions["paid"], holder.files[0])
    return tuple(str(row.pk) for row in rows)


def holes_by_parameters(
    client: Client,
    addresses: Iterable[Address],
    values: Collection[str],
    facts: Collection[str] = (),
) -> Iterator[str]:
    """Each parameter of each page with each value, alone and beside the usual ones."""
    tried = set()
    for path, usual in parameters_seen(client, addresses).names.items():
        fresh = [name for name in usual if (page_of(path), name) not in tried]
        tried |= {(page_of(path), name) for name in fresh}
        for name in fresh:
            for value in values:
                for others in ({}, usual):
                    answer = ask(client, "GET", path, {**others, name: value})
                    for what in bad(answer, f"{path} {value}", facts):
                        yield f"GET {path} {name}={value}: {what}"


def read_with_every_parameter(
    client: Client, addresses: Iterable[Address], values: Collection[str]
) -> Seen:
    """Reads each page with each value in all of its parameters, and all links with parameters."""
    seen = parameters_seen(client, addresses)
    for url in seen.queries.values():
        ask(client, "GET", url)
    for path, names in seen.names.items():
        for value in values:
            ask(client, "GET", path, dict.fromkeys(names, value))
    return seen


def holes_by_fields(
    client: Client,
    addresses: Iterable[Address],
    values: Collection[str],
    victim: Holder | None = None,
) -> Iterator[str]:
    """Each field of each form with each value, and each for which a view asks although no page
    has such a form. All that is written is undone.
    """
    facts = list(victim.facts()) if victim else []
    theirs = [victim.user.pk, *ids_of(victim)] if victim else []
    before = _digests_of(theirs)
    for page in pages_with_fields(client, addresses):
        logged = len(lines_logged())
        for name, value in product(page.fields.keys() - {TOKEN}, values):
            with attempt_of(client) as sender:
                answer = ask(sender, "POST", page.url, {**page.fields, name: value})
                found = list(bad(answer, f"{page.url} {value}", facts))
                if not found and _digests_of(theirs) != before:
                    found.append("wrote a row of the victim")
            for what in found:
                yield f"POST {page.url} {name}={value}: {what}"
        for line in filter(NO_SQL.search, lines_logged()[logged:]):
            yield f"POST {page.url}: {line}"


def holes_by_headers(
    client: Client,
    addresses: Iterable[Address],
    values: Collection[str],
    facts: Collection[str] = (),
) -> Iterator[str]:
    """Each page with each value in all headers and cookies at once, whole and for htmx."""
    one_each = {address.pattern.template: address.url for address in addresses}
    logged = len(lines_logged())
    for url, value, is_whole in product(one_each.values(), values, (True, False)):
        headers = dict.fromkeys(HEADERS, value) | ({} if is_whole else {"HX-Request": "true"})
        with attempt_of(client) as sender:
            for name in COOKIES:
                sender.cookies[name] = value
            answer = ask(sender, "GET", url, headers=headers)
            for what in bad(answer, f"{url} {value}", facts):
                yield f"GET {url} with {value} in headers: {what}"
        for line in filter(NO_SQL.search, lines_logged()[logged:]):
            yield f"GET {url} with {value} in headers: {line}"
        logged = len(lines_logged())


def _digests_of(ids: Collection[object]) -> dict[str, str]:
    """Of the rows with these ids, but not that somebody tried to sign in."""
    found = digests_of_rows_with(ids) if ids else {}
    return {table: digest for table, digest in found.items() if table not in OF_EVERY_VISIT}


def pages_with_fields(client: Client, addresses: Iterable[Address]) -> list[FieldsOfPage]:
    """The pages that take a form, one for each pattern, with all fields that they know."""
    one_each = {address.pattern.template: address for address in addresses}
    forms: dict[str, dict[str, str]] = {}
    for form in forms_seen(client, one_each.values()):
        if form.method == "POST":
            known = forms.setdefault(form.action, {})
            known.update({name: value or "1" for name, value in form.values.items()})
    urls = {address.url for address in one_each.values()} | forms.keys()
    asked = ((url, _fields(client, url, forms.get(url, {}))) for url in sorted(urls))
    return [FieldsOfPage(url, fields) for url, fields in asked if fields]


def _fields(client: Client, url: str, known: dict[str, str]) -> dict[str, str]:
    """The known fields, and those for which the view asks."""
    fields = dict(known)
    for _ in range(MOST_POSTS):
        with names_asked() as asked, attempt_of(client) as sender:
            if ask(sender, "POST", url, fields).status == NOT_ALLOWED:
                return {}
        if asked <= fields.keys():
            break
        fields = {**dict.fromkeys(asked, "1"), **fields}
    return fields


@contextmanager
def attempt_of(client: Client) -> Iterator[Client]:
    """A client with the same cookies, whose writes are undone."""
    sender = Client()
    sender.cookies = SimpleCookie({name: it.value for name, it in client.cookies.items()})
    with rolled_back():
        yield sender


def bad(answer: Answer, sent: str, facts: Collection[str]) -> Iterator[str]:
    """What is wrong with an answer to hostile values; what was sent does not count as a fact."""
    if answer.status >= FAILED:
        yield f"status {answer.status}"
    if leads_away(location := answer.headers.get("Location", "")):
        yield f"leads to {location}"
    if "html" in answer.headers.get("Content-Type", "") and (strange := strange_parts(answer.body)):
        yield f"has {sorted(strange)}"
    typed = f"{sent} {' '.join(map(account_number, filter(str.isdigit, sent.split())))}"
    if shown := answer.shown(facts, typed):
        yield f"shows {shown}"
