"""The walks find bad pages: each kind of hole is planted beside the pages of the site."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db import transaction as db_transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.test import Client
from django.urls import include, path

from accounts.models import Account, User
from tests.attacks.bank import AttackedBank, attacked_bank
from tests.attacks.cells import formula_cells
from tests.attacks.digests import table_digests
from tests.attacks.hostile_values import (
    ELSEWHERE,
    MARKUP_AND_SQL,
    holes_by_fields,
    holes_by_headers,
    holes_by_parameters,
    ids_of,
    pages_with_fields,
    read_with_every_parameter,
    ways_to_name,
)
from tests.attacks.markup import strange_parts
from tests.attacks.parameters import Seen, parameters_seen
from tests.attacks.people import signed_in
from tests.attacks.reading import read_pages
from tests.attacks.walk import Address, addresses
from tests.attacks.walks.site import hostile, linked_answers
from transactions.models import Annotation

pytestmark = pytest.mark.django_db
PLANTED = "/holes/"


def text(said: object) -> HttpResponse:
    return HttpResponse(str(said), content_type="text/plain")


def is_id(typed: str) -> bool:
    try:
        return bool(UUID(typed))
    except ValueError:
        return False


def form(request: HttpRequest, field: str) -> HttpResponse:
    token = f'<input type="hidden" name="csrfmiddlewaretoken" value="{get_token(request)}">'
    return HttpResponse(f'<form method="post">{token}{field}</form>')


def owner_of_a_number(request: HttpRequest) -> HttpResponse:
    return text([it.user.email for it in Account.objects.filter(number=request.GET.get("to"))])


def owner_of_an_id(request: HttpRequest) -> HttpResponse:
    """Without a form on any page."""
    asked = request.POST.get("account", "")
    return text(
        [it.user.email for it in Account.objects.filter(pk=asked)] if is_id(asked) else "nobody"
    )


@login_not_required
def name_of_an_address(request: HttpRequest) -> HttpResponse:
    return text([it.name for it in User.objects.filter(email=request.GET.get("email"))])


def hide(request: HttpRequest) -> HttpResponse:
    asked = request.GET.get("hide", "")
    if is_id(asked):
        Account.objects.filter(pk=asked).update(name="Hidden")
    return text("done")


def take(request: HttpRequest) -> HttpResponse:
    asked = request.POST.get("account", "")
    if is_id(asked):
        Account.objects.filter(pk=asked).update(name="Taken")
    return text("done")


def said_back(request: HttpRequest) -> HttpResponse:
    return form(request, f"<input name=said value='{request.POST.get('said', '')}'>")


def leads_on(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return HttpResponseRedirect(request.POST.get("goes", "/"))
    return form(request, '<input type="hidden" name="goes" value="/">')


def as_sql(request: HttpRequest) -> HttpResponse:
    """Whose error nobody sees."""
    try:
        with db_transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SELECT 1 WHERE 'a' = '{request.POST.get('word', '')}'")
    except DatabaseError:
        pass
    return text("done")


def notes_on_a_tab(request: HttpRequest) -> HttpResponse:
    """Of stored texts, under an address with a parameter alone."""
    mine = Annotation.objects.filter(owner_id=request.user.pk).values_list("text", flat=True)
    texts = "".join(mine) if request.GET.get("tab") == "notes" else ""
    return HttpResponse(f'<a href="?tab=notes">Notes</a>{texts}')


def file_of_notes(request: HttpRequest) -> HttpResponse:
    if request.GET.get("format") != "csv":
        return HttpResponse('<a href="?format=csv">CSV</a>')
    mine = Annotation.objects.filter(owner_id=request.user.pk).values_list("text", flat=True)
    cells = [f'"{it.replace(chr(34), chr(34) * 2)}"' for it in mine]
    return HttpResponse("\r\n".join(cells), content_type="text/csv")


def notes_for_htmx(request: HttpRequest) -> HttpResponse:
    mine = Annotation.objects.filter(owner_id=request.user.pk).values_list("text", flat=True)
    return HttpResponse("".join(mine) if request.headers.get("HX-Request") else "Notes")


def agent_said_back(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.headers.get("User-Agent", ""))


def owner_of_a_target(request: HttpRequest) -> HttpResponse:
    return text(
        [it.user.email for it in Account.objects.filter(number=request.headers.get("HX-Target"))]
    )


def leads_back(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(request.headers.get("Referer", "/"))


def theme_as_sql(request: HttpRequest) -> HttpResponse:
    """Whose error nobody sees."""
    try:
        with db_transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SELECT 1 WHERE 'a' = '{request.COOKIES.get('theme', '')}'")
    except DatabaseError:
        pass
    return text("done")


VIEWS: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    it.__name__: it
    for it in (
        owner_of_a_number, owner_of_an_id, name_of_an_address, hide, take, said_back, leads_on,
        as_sql, notes_on_a_tab, file_of_notes, notes_for_htmx, agent_said_back, owner_of_a_target,
        leads_back, theme_as_sql,
    )
}  # fmt: skip
urlpatterns = (
    *(path(f"holes/{name}/", view, name=name) for name, view in VIEWS.items()),
    path("", include("ledger.urls")),
)


@pytest.fixture
def planted(bank: AttackedBank, settings: Any) -> list[Address]:
    settings.ROOT_URLCONF = __name__
    return [it for it in addresses(bank.eve) if it.url.startswith(PLANTED)]


def test_texts_behind_links(db: None, settings: Any) -> None:
    bank = attacked_bank(hostile)
    settings.ROOT_URLCONF = __name__
    planted = [it for it in addresses(bank.eve) if it.url.startswith(PLANTED)]
    eve = signed_in(bank.eve.user)
    found = dict(linked_answers(eve, read_pages(eve, planted), bank.eve.canary))

    assert strange_parts(found["/holes/notes_on_a_tab/?tab=notes"].body)
    assert formula_cells(found["/holes/file_of_notes/?format=csv"].body)
    assert strange_parts(found["/holes/notes_for_htmx/#htmx"].body)


def parameters(client: Client, planted: list[Address]) -> Seen:
    return parameters_seen(read_pages(client, planted))


def names_in(lines: Iterator[str]) -> set[str]:
    return {line.partition(PLANTED)[2].partition("/")[0] for line in lines}


def test_fields_of_a_customer(bank: AttackedBank, planted: list[Address]) -> None:
    values = (*ways_to_name(bank.ana), MARKUP_AND_SQL, ELSEWHERE)
    eve = signed_in(bank.eve.user)
    pages = pages_with_fields(eve, read_pages(eve, planted))
    found = names_in(holes_by_fields(eve, pages, values, bank.ana))

    assert found == {"owner_of_an_id", "take", "said_back", "leads_on", "as_sql"}


def test_headers_and_cookies_of_a_customer(bank: AttackedBank, planted: list[Address]) -> None:
    values = (*ways_to_name(bank.ana), MARKUP_AND_SQL, ELSEWHERE)
    eve, facts = signed_in(bank.eve.user), list(bank.ana.facts())
    found = names_in(holes_by_headers(eve, planted, values, facts))

    assert found == {"agent_said_back", "owner_of_a_target", "leads_back", "theme_as_sql"}


def test_parameters_of_a_customer_and_of_a_stranger(
    bank: AttackedBank, planted: list[Address]
) -> None:
    facts, ways = list(bank.ana.facts()), ways_to_name(bank.ana)
    customer, stranger = (
        names_in(holes_by_parameters(client, parameters(client, planted), ways, facts))
        for client in (signed_in(bank.eve.user), Client())
    )

    assert customer == {"owner_of_a_number", "name_of_an_address"}
    assert stranger == {"name_of_an_address"}


def test_ids_of_ones_own_that_make_a_page_write(bank: AttackedBank, planted: list[Address]) -> None:
    before = table_digests()
    eve = signed_in(bank.eve.user)
    read_with_every_parameter(eve, parameters(eve, planted), ids_of(bank.eve))
    after = table_digests()

    assert {table for table in after if after[table] != before[table]} == {"accounts", "changes"}
