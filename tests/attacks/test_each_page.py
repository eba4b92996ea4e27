"""Each page once, as the first kind of reader who may open it."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.apps import apps
from django.forms import BaseForm, DateField
from django.test import Client
from django.test.signals import template_rendered
from django.urls import resolve, reverse

from ledger.env import BASE_DIR
from tests.attacks.answers import Answer, ask
from tests.attacks.bank import attacked_bank
from tests.attacks.people import readers_of
from tests.attacks.reading import OK
from tests.attacks.shapes import changed_shapes, shape_of
from tests.attacks.walk import Address, addresses
from tests.attacks.walks.checks import wrong_with
from tests.attacks.walks.site import hostile

pytestmark = pytest.mark.django_db
NOT_ALLOWED, MOVED = 405, 302
LINK_IN_LINK = re.compile(r"<a\b[^>]*>[^<]*<a\b[^>]*>")
# Excluded: weeks up to today (each report is in `figures_of_pages.txt`), classes of errors
# (including those of tests), and rows that earlier tests have written.
CHANGING = (
    "admin:accounts_change_changelist",
    "admin:accounts_read_changelist",
    "admin:auth_group_history",
    "admin:transactions_auditrun_changelist",
    "admin_database",
    "api:problems",
    "transactions:report",
)
# Addresses that respond to none of these readers, by status.
NOBODYS = {
    400: {"transactions:search_csv", "transactions:search_json"},  # without search words
    401: {"socialaccount_login_error"},
    404: {
        "explorer:saved",  # only for analysts, and Eve is no analyst
        "mfa_deactivate_totp",  # needs an authenticator that Eve does not have
        "nothing_here",  # names the way to a token
        "openid_connect_callback",  # needs a provider, and none is configured
        "openid_connect_login",
        "prove_at_provider",
        "security_txt",  # needs an address that the bank has not set
        "socialaccount_connections",
    },
}
# Views that are derived from allauth's classes, and the view for unknown addresses of the API.
ANY_METHOD = {
    "security:confirm_address",
    "socialaccount_connections",
    "api:nothing_here",
    "nothing_here",
}
# Fields that these readers' pages do not show.
SHOWN_LATER = {
    "CategoryChangeForm": ("category", "id"),  # changes a category, and Eve has none
    "PayForm": ("reason",),  # pays a file that may be paid
    "ResetPasswordKeyForm": ("password1", "password2"),  # of a valid link
    "RuleForm": ("tried",),  # after a rule was tried
    "SaveReportForm": ("group",),  # for members of a group
    "StatementForm": ("after", "before", "direction", "paper"),  # in the links of the page
}


@pytest.mark.whole_code
def test_each_page_is_whole(no_lines_of_refused_requests: None) -> None:
    """All texts of the bank contain markup, and all addresses are Eve's."""
    bank = attacked_bank(hostile)
    readers = readers_of(bank)
    each = {address.pattern.template: address for address in reversed(addresses(bank.eve))}
    wrong, unread, shapes = list[str](), dict[int, set[str]](), list[str]()

    for address in each.values():
        statuses = set[int]()
        for reader in readers.values():
            with forms_rendered() as forms:
                answer = ask(reader, "GET", address.url)
            wrong.extend(f"{address.url}: {hole}" for hole in wrong_with(address.url, answer))
            statuses.add(answer.status)
            if answer.status == OK:
                missing = {*missing_in(answer), *fields_missing_in(answer, forms)}
                missing |= {f"the calendar of {name}" for name in without_calendar(forms)}
                wrong.extend(f"{address.url}: {part}" for part in missing)
                wrong.extend(f"{address.url}: {link}" for link in LINK_IN_LINK.findall(answer.body))
                name = address.name or address.pattern.route
                if "html" in answer.headers.get("Content-Type", "") and name not in CHANGING:
                    shapes.append(f"{name}: {shape_of(answer.body)}")
                break
        else:
            unread.setdefault(min(statuses), set()).add(address.name or address.pattern.route)
        asked = [reader] if OK in statuses else readers.values()
        if names_its_methods(address) and takes_any_method(asked, address.url):
            wrong.append(f"{address.url} takes any method")

    assert [*wrong, *rows_without_a_text()] == []
    assert {status: unread[status] for status in unread.keys() - {NOT_ALLOWED, MOVED}} == NOBODYS
    assert changed_shapes(shapes) == []


def rows_without_a_text() -> list[str]:
    """Returns the models that have rows without a name."""
    wrong = list[str]()
    for model in apps.get_models():
        if model._meta.managed and (BASE_DIR / model.__module__.partition(".")[0]).is_dir():
            row = model._default_manager.first()
            try:
                assert row is None or str(row)
            except (AssertionError, TypeError):  # a text that is None
                wrong.append(f"a row of {model.__name__} has no text")
    return wrong


def names_its_methods(address: Address) -> bool:
    """Returns whether the view belongs to this project and defines its methods."""
    package = resolve(address.url).func.__module__.partition(".")[0]
    is_admin = address.url.startswith(reverse("admin:index"))
    return (BASE_DIR / package).is_dir() and not is_admin and address.name not in ANY_METHOD


def takes_any_method(readers: Iterable[Client], url: str) -> bool:
    """Returns whether all readers may send any method to the address."""
    return all(ask(reader, "PROPFIND", url).status != NOT_ALLOWED for reader in readers)


def missing_in(answer: Answer) -> list[str]:
    """Returns the parts that every page must have and this page lacks."""
    if not re.search("<body", answer.body):
        return []
    parts = {"a title": r"<title>\s*\S", "a main part": "<main"}
    return [part for part, pattern in parts.items() if not re.search(pattern, answer.body)]


@contextmanager
def forms_rendered() -> Iterator[list[BaseForm]]:
    """Yields a list of the forms in the contexts of templates that the `with` block renders."""
    found: list[BaseForm] = []

    def note(context: Any, **_: object) -> None:
        values = context.flatten().values() if hasattr(context, "flatten") else context.values()
        found.extend(value for value in values if isinstance(value, BaseForm))

    template_rendered.connect(note)
    try:
        yield found
    finally:
        template_rendered.disconnect(note)


def fields_missing_in(answer: Answer, forms: Iterable[BaseForm]) -> set[str]:
    """Returns the fields of these forms that a page does not show."""
    return {
        f"field {field.html_name} of {type(form).__name__}"
        for form in forms
        for field in form
        if field.name not in SHOWN_LATER.get(type(form).__name__, ())
        and not re.search(f'name="{re.escape(field.html_name)}(_[0-9])?"', answer.body)
    }


def without_calendar(forms: Iterable[BaseForm]) -> Iterator[str]:
    """Yields the date fields for which a browser would not show a calendar."""
    for form in forms:
        for field in form:
            if isinstance(field.field, DateField) and 'type="date"' not in str(field):
                yield f"{field.html_name} of {type(form).__name__}"
