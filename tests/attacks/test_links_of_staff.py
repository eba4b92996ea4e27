"""Each link on a page for staff opens for its readers. The test follows the links for each group.

A link that returns 403 or 404 reveals something that the reader may not see, or is broken.
"""

import re
from collections import Counter, deque
from collections.abc import Iterator
from html import unescape
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import Resolver404, resolve, reverse

from accounts import services
from accounts.groups import ANALYSTS, AUDITOR, MANAGER, OPERATIONS, PEOPLE_ADMIN, SUPPORT
from accounts.models import Household, User
from tests.attacks.answers import ask
from tests.attacks.bank import AttackedBank
from tests.conftest import colleague, signed_in
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
LINK = re.compile(r"""<a\b[^>]*?\shref="([^"]+)\"""", re.DOTALL)
ELSEWHERE = ("/cookbook/", "/static/", "/account/logout/")  # same for all readers, or ends the walk
FOLLOWED = "/admin/"  # other pages are opened, but their links are not
OF_A_KIND = 1  # links from one kind of page to another that are opened


def route_of(url: str) -> str:
    """Returns the kind of a page: its route and the names in its query."""
    parts = urlsplit(url)
    try:
        route = resolve(parts.path).route
    except Resolver404:
        route = parts.path
    return f"{route}?{','.join(sorted({name for name, _value in parse_qsl(parts.query)}))}"


def links_of(page: str, base: str) -> Iterator[str]:
    for found in LINK.findall(page):
        url = urljoin(base, unescape(found)).partition("#")[0]
        if url.startswith("/") and not url.startswith(ELSEWHERE):
            yield url


def broken_links(client: Client, start: str) -> tuple[list[str], set[str]]:
    """Returns the links that do not open, each with its page, and the kinds of pages that were
    read.
    """
    waiting, answered = deque([(start, "")]), set()
    kinds: Counter[tuple[str, str]] = Counter()
    broken, routes = [], set()
    while waiting:
        url, source = waiting.popleft()
        kind = (route_of(source) if source else "", route_of(url))
        if url in answered or kinds[kind] == OF_A_KIND:
            continue
        kinds[kind] += 1
        answered.add(url)
        answer = ask(client, "GET", url)
        location = answer.headers.get("Location", "")
        if answer.status >= 400 or "login" in location:
            broken.append(f"{source} has {url}: {answer.status} {location}")
        elif location:
            waiting.append((urljoin(url, location), source))
        elif answer.headers["Content-Type"].startswith("text/html"):
            routes.add(route_of(url))
            if url.startswith(FOLLOWED) or not source:
                waiting.extend((link, url) for link in links_of(answer.body, url))
    return broken, routes


@pytest.mark.parametrize("group", [SUPPORT, OPERATIONS, AUDITOR, MANAGER, PEOPLE_ADMIN, ANALYSTS])
def test_each_link_opens_for_who_is_shown_it(group: str, bank: AttackedBank) -> None:
    home = Household.objects.create(name="Elm Street 4")
    User.objects.filter(pk=bank.eve.user.pk).update(household=home)
    UserFactory(name="Nobody's customer")
    Group.objects.create(name="night desk")
    services.change_account(account=bank.eve.accounts[0], name="Renamed")
    person = colleague(group, "Reader")
    if group == ANALYSTS:
        User.objects.filter(pk=person.pk).update(is_staff=False)
        person.refresh_from_db()
    start = "/reports/" if group == ANALYSTS else reverse("admin:index")
    broken, routes = broken_links(signed_in(person), start)
    assert broken == []
    assert len(routes) > 8, "the walk goes beyond the first page"
