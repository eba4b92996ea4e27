"""Parameters and form fields that redirect to another site."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.test import Client

from tests.attacks.answers import Answer, ask, leads_away
from tests.attacks.forms import PageForm
from tests.attacks.parameters import parameters_seen
from tests.attacks.people import attempt_of
from tests.attacks.reading import PageRead

ELSEWHERE = (
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "https:evil.example",
    "javascript:alert(1)",
    "http://testserver@evil.example/",
    "///evil.example",
    "\thttps://evil.example/",
)
LOCAL = "/reports/"  # a page of this site to which a parameter may redirect
NAMES = ("next", "redirect", "return", "back", "url", "to", "continue", "process")


def ways_out(send: Callable[[str], Answer], plain: Answer) -> tuple[bool, list[str]]:
    """Returns whether a value chooses the next page, and the other sites to which it redirects.
    `send` returns the response to a request with this value. `plain` is the response without a
    value.

    If the value is a part of the redirect, tries every spelling of another site. Otherwise tries
    only the plainest spelling, because code that accepts any other spelling also accepts LOCAL.
    """
    local, part = where(send(LOCAL)), LOCAL.strip("/")
    is_chosen = part in local and part not in where(plain)
    targets = ELSEWHERE if is_chosen else ELSEWHERE[:1]
    locations = [local, *(where(send(target)) for target in targets)]
    return is_chosen, [location for location in locations if leads_away(location)]


def where(answer: Answer) -> str:
    """Returns the address to which a response redirects, or ""."""
    return answer.headers.get("Location", "")


def ways_out_by_parameters(
    client: Client, pages: Iterable[PageRead]
) -> Iterator[tuple[str, bool, list[str]]]:
    """Yields the path and the result of `ways_out`: for all NAMES together, and for each
    parameter.
    """
    for path, usual in parameters_seen(pages).names.items():
        plain = ask(client, "GET", path, usual)
        for names in (NAMES, *((name,) for name in usual)):

            def send(value: str, query: tuple[str, Any, Any] = (path, usual, names)) -> Answer:
                path, usual, names = query
                return ask(client, "GET", path, {**usual, **dict.fromkeys(names, value)})

            yield path, *ways_out(send, plain)


def ways_out_by_forms(
    client: Client, forms: Iterable[PageForm]
) -> Iterator[tuple[str, bool, list[str]]]:
    """Yields the address of each form that writes, and the result of `ways_out` for all NAMES
    together. All writes are undone.
    """

    def sent(form: PageForm, more: dict[str, str]) -> Answer:
        with attempt_of(client) as sender:
            return ask(sender, "POST", form.action, form.filled(more))

    for form in forms:
        if form.method == "POST":

            def send(value: str, form: PageForm = form) -> Answer:
                return sent(form, dict.fromkeys(NAMES, value))

            yield form.action, *ways_out(send, sent(form, {}))
