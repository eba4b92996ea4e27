"""Privilege creep: which group opens and does what in the admin, asserted whole.

The tables of `rights_of_groups` are the answer for every page and action that the walk finds: the
registry of the admin site with its own and custom addresses and its actions, and the pages that
belong to no model. A new one that a group opens fails the test until it has a place in a table.
"""

import re
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts import approvals
from accounts.groups import ANALYSTS, PERMISSIONS
from accounts.models import Account, ApprovalRequest, User
from ledger.db.ids import uuid7
from tests.attacks.approvals import as_web
from tests.attacks.bank import AttackedBank
from tests.attacks.people import rolled_back
from tests.attacks.rights_of_groups import (
    ACTIONS,
    ASKER,
    AUTOCOMPLETES,
    COLLEAGUE,
    NOBODY,
    PAGES,
    PASSWORD_PAGE,
    POSTS,
    STEPS,
    M,
    O,
)
from tests.attacks.walk import addresses, patterns
from tests.banking.payment_files.files import checked, pay
from tests.conftest import colleague, signed_in
from transactions import services
from transactions.services import Draft
from transactions.staff.approvals.requests import ask_for

pytestmark = pytest.mark.django_db
FILE_OF_LIST = re.compile(r"(admin:\w+)_list_(?:csv|json)")
# What a page is asked for, or sent, so that it answers who may.
QUERIES = {
    "admin:autocomplete": "app_label=accounts&model_name=user&field_name=household",
}
SENT = {
    "admin:payment_files_paymentfile_step": {"step": "check"},
    "admin_approval_step": {"step": "do"},
}


@pytest.fixture
def bank(bank_of_the_module: AttackedBank, no_lines_of_refused_requests: None) -> AttackedBank:
    return deepcopy(bank_of_the_module)


@pytest.fixture
def clients(bank: AttackedBank) -> dict[str, Client]:
    """A browser of somebody of each group; analysts are not staff."""
    people = {name: colleague(name, name.capitalize()) for name in PERMISSIONS}
    User.objects.filter(pk=people[ANALYSTS].pk).update(is_staff=False)
    for person in people.values():
        person.refresh_from_db()
    return {name: signed_in(person) for name, person in people.items()}


@dataclass(frozen=True, slots=True)
class AdminPage:
    name: str
    url: str


@pytest.fixture
def pages(bank: AttackedBank, clients: dict[str, Client]) -> list[AdminPage]:
    """Each page of the admin once, about Ana, with a file that staff uploaded, and a request that
    somebody of operations made and a manager approved.
    """
    found = {
        each.name or each.pattern.route: each.url
        for each in reversed(addresses(bank.ana))
        if each.name.startswith(("admin:", "admin_")) or each.pattern.route == PASSWORD_PAGE
    }
    file = checked(bank.ana.everyday, pay(bank.ben.everyday, 5), created_by=bank.clerk)
    step = "admin:payment_files_paymentfile_step"
    request = request_of(bank.ana.everyday, User.objects.get(groups__name=O, name=O.capitalize()))
    approvals.approve(request=request, by=colleague(M, "Boss"))
    found[step] = reverse(step, args=[file.pk])
    found["admin_approval_step"] = reverse("admin_approval_step", args=[request.pk])
    found |= {name: f"{found[name]}?{query}" for name, query in QUERIES.items()}
    return [AdminPage(name, found[name]) for name in sorted(found)]


def request_of(account: Account, asker: User) -> ApprovalRequest:
    """A request for a deposit over the threshold."""
    draft = Draft(id=uuid7(), to_account=account, amount=Decimal(20_000), created_by=asker)
    return ask_for(services.preview(draft), reason="Sold a house", asked_by=asker)


def is_open(answer: Any) -> bool:
    """Whether the page answers. A redirect to the sign-in or to the first page of the admin, as
    Django makes for what it does not find, is none.
    """
    if answer.streaming:
        answer.getvalue()  # to its end: few downloads run at once
    there = urlsplit(answer.headers.get("Location", "")).path
    is_away = "login" in there or there == reverse("admin:index")
    return answer.status_code in (200, 302) and not is_away


def opens(client: Client, url: str) -> bool:
    return is_open(client.get(url))


def begins(client: Client, url: str, form: dict[str, Any]) -> bool:
    """Whether the action begins: it asks for a reason, or says what is in its way. Who may not gets
    the list, or 403.
    """
    content = client.post(url, form).content
    return b'name="reason"' in content or b": not possible now" in content


def takes(client: Client, page: AdminPage) -> bool:
    return is_open(client.post(page.url, SENT.get(page.name, {})))


def files() -> dict[str, set[str]]:
    """The groups that may get each file of a list: those that open the list."""
    found = [FILE_OF_LIST.fullmatch(pattern.name) for pattern in patterns()]
    return {each.group(): PAGES.get(f"{each[1]}_changelist", NOBODY) for each in found if each}


def test_files_of_lists_are_found() -> None:
    assert {f"admin:accounts_user_list_{kind}" for kind in ("csv", "json")} <= files().keys()


def test_each_group_opens_these_pages_and_no_others(
    pages: list[AdminPage], clients: dict[str, Client]
) -> None:
    seen = {
        page.name: {name for name, client in clients.items() if opens(client, page.url)}
        for page in pages
    }
    assert seen == dict.fromkeys(seen, NOBODY) | PAGES | files()


def test_each_group_sends_these_forms_and_no_others(
    pages: list[AdminPage], clients: dict[str, Client]
) -> None:
    """A form without values is refused by its fields, not by 403, where somebody may send it."""
    seen = {
        page.name: {name for name, client in clients.items() if takes(client, page)}
        for page in pages
    }
    assert seen == dict.fromkeys(seen, NOBODY) | POSTS


def test_each_group_completes_these_fields_and_no_others(clients: dict[str, Client]) -> None:
    seen = {}
    for model, model_admin in admin.site._registry.items():
        app, name = model._meta.app_label, model._meta.model_name
        for field in model_admin.autocomplete_fields:
            query = f"app_label={app}&model_name={name}&field_name={field}"
            url = f"{reverse('admin:autocomplete')}?{query}"
            seen[f"{app}_{name}.{field}"] = {
                group for group, client in clients.items() if opens(client, url)
            }
    assert seen == AUTOCOMPLETES


@pytest.mark.parametrize("step", sorted(STEPS))
def test_each_group_takes_these_steps_of_a_request_and_no_others(
    step: str, bank: AttackedBank, clients: dict[str, Client]
) -> None:
    asker = colleague(O, "Asker")
    readers = {**clients, COLLEAGUE: clients[O], ASKER: signed_in(asker)}
    request = request_of(bank.ana.everyday, asker)
    if step == "do":
        approvals.approve(request=request, by=colleague(M, "Boss"))
    url, before = reverse("admin_approval_step", args=[request.pk]), request.status
    seen = set()
    for name, client in readers.items():
        with as_web(), rolled_back():
            client.post(url, {"step": step, "note": "As the letter says"})
            after = ApprovalRequest.objects.values_list("status", flat=True).get(pk=request.pk)
        if after != ("approved" if step == "do" else before):
            seen.add(name)
    assert seen == STEPS[step]


def test_each_group_has_these_actions_and_no_others(
    bank: AttackedBank, clients: dict[str, Client]
) -> None:
    root = signed_in(User.objects.create_superuser("root@example.com", name="Root"))
    request = RequestFactory().post("/")
    request.user = User.objects.get(is_superuser=True)
    seen = {}
    for model, model_admin in admin.site._registry.items():
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        rows = bank.ana.rows_of(model) or list(model._default_manager.all()[:1])
        for action in model_admin.get_actions(request):
            form: dict[str, Any] = {
                "action": action,
                ACTION_CHECKBOX_NAME: [row.pk for row in rows],
            }
            url = reverse(f"admin:{label}_changelist")
            assert begins(root, url, form)
            seen[f"{label}.{action}"] = {
                name for name, client in clients.items() if begins(client, url, form)
            }
    assert seen == ACTIONS
