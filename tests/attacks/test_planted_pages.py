"""The walks find bad pages: each kind of hole is planted next to the pages of the site."""

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

import pytest
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db import transaction as db_transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.test import Client
from django.urls import include, path
from django.utils.safestring import mark_safe

from accounts.models import Account, User
from tests.attacks.bank import AttackedBank, attacked_bank
from tests.attacks.cells import formula_cells
from tests.attacks.digests import table_digests
from tests.attacks.forms import PageForm, forms_seen
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
from tests.attacks.redirects import ways_out_by_forms, ways_out_by_parameters
from tests.attacks.walk import Address, addresses
from tests.attacks.walks.site import form_answers, hostile, linked_answers
from transactions.annotations.models import Annotation

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
    """Shows the owner of an id. No page has a form with this field."""
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
    """Puts a parameter into SQL, and hides the error."""
    try:
        with db_transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SELECT 1 WHERE 'a' = '{request.POST.get('word', '')}'")
    except DatabaseError:
        pass
    return text("done")


def notes_on_a_tab(request: HttpRequest) -> HttpResponse:
    """Shows stored texts, only under an address with a parameter."""
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
    """Puts a cookie into SQL, and hides the error."""
    try:
        with db_transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SELECT 1 WHERE 'a' = '{request.COOKIES.get('theme', '')}'")
    except DatabaseError:
        pass
    return text("done")


def leads_to_a_path(request: HttpRequest) -> HttpResponse:
    """Redirects to a parameter. Refuses only the plainest spellings of another site."""
    goes = (request.POST if request.method == "POST" else request.GET).get("back", "/")
    is_away = "://" in goes or goes.startswith("//")
    return form(request, "") if is_away else HttpResponseRedirect(goes)


def leads_below(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(f"/{request.GET.get('url', 'x').removeprefix('/')}")


def says_what_was_typed(request: HttpRequest) -> HttpResponse:
    """Shows the typed text in a message on the next page, which contains the form again."""
    if request.method == "POST":
        messages.success(request, mark_safe(request.POST.get("name", "")))  # noqa: S308
        return HttpResponseRedirect(request.path)
    said = "".join(str(it) for it in messages.get_messages(request))
    return form(request, f"<input name=name>{said}")


def file_of_what_was_typed(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return HttpResponse(f"name\r\n{request.POST.get('note', '')}", content_type="text/csv")
    return form(request, "<input name=note>")


VIEWS: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    it.__name__: it
    for it in (
        owner_of_a_number, owner_of_an_id, name_of_an_address, hide, take, said_back, leads_on,
        as_sql, notes_on_a_tab, file_of_notes, notes_for_htmx, agent_said_back, owner_of_a_target,
        leads_back, theme_as_sql, leads_to_a_path, leads_below, says_what_was_typed,
        file_of_what_was_typed,
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


def test_answers_to_forms_and_messages(bank: AttackedBank, planted: list[Address]) -> None:
    eve = signed_in(bank.eve.user)
    found = dict(form_answers(eve, forms_seen(read_pages(eve, planted))))
    strange = {url for url, answer in found.items() if strange_parts(answer.body)}
    files = {url for url, answer in found.items() if formula_cells(answer.body)}

    assert names_in(strange) >= {"says_what_was_typed"}
    assert names_in(files) >= {"file_of_what_was_typed"}


def test_ways_to_other_sites(bank: AttackedBank, planted: list[Address]) -> None:
    eve = signed_in(bank.eve.user)
    pages = read_pages(eve, planted)
    by_parameters = {path for path, _, away in ways_out_by_parameters(eve, pages) if away}
    forms = [PageForm(f"{PLANTED}{name}/", "POST") for name in VIEWS]
    by_forms = {path for path, _, away in ways_out_by_forms(eve, forms) if away}

    assert names_in(by_parameters) == {"leads_to_a_path", "leads_below"}
    assert names_in(by_forms) == {"leads_to_a_path"}


def parameters(client: Client, planted: list[Address]) -> Seen:
    return parameters_seen(read_pages(client, planted))


def names_in(lines: Iterable[str]) -> set[str]:
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
