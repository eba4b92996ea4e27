"""The page that searches people, accounts and transactions together."""

from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.admin.masking import masked_address, masked_number, sees_contact_details
from accounts.admin.parts import person_of
from accounts.admin.people import sees_rights
from accounts.models import Account, User
from accounts.name_search import CUT
from ledger.text.lines import cut, shortened, visible
from ledger.text.money import account_number, figure
from transactions.models import Transaction
from transactions.models.transaction import CATEGORY_LENGTH
from transactions.staff.find import search, transactions
from transactions.staff.find.search import KindResults, StaffQuery
from transactions.staff.find.suggestions import suggested_queries

TITLES: dict[type[models.Model], str] = {
    User: "People",
    Account: "Accounts",
    Transaction: "Transactions",
}
HELP = (
    "Type an id, an account number or four or more of its first or last digits, an email "
    "address, a name or the beginning of a name, words of a payment, or an amount such as "
    "13.40. You can also type fields of a payment, such as to:grace amount:>100 date:2026-03."
)


@dataclass(frozen=True, slots=True)
class StaffHit:
    """One result of the search: its name, its link and its details."""

    name: str
    url: str
    facts: list[str]
    moment: Any = None
    amount: str = ""
    currency: str = ""
    is_below: bool = False


@dataclass(frozen=True, slots=True)
class HitSection:
    """The results of one kind, such as accounts, and their number. `more_url` is the URL of the
    full list. `extent` is a text about the part of the results that is shown.
    """

    title: str
    count: str
    hits: list[StaffHit]
    more_url: str = ""
    extent: str = ""


@dataclass(frozen=True, slots=True)
class QueryMistake:
    """A message about a problem with the search, and links to other queries."""

    sentence: str
    suggestions: list[tuple[str, str]] = field(default_factory=list)
    is_hint: bool = False


@dataclass(slots=True)
class FindResults:
    """The content of the page: results, messages about mistakes, and links to other queries."""

    sections: list[HitSection] = field(default_factory=list)
    mistakes: list[QueryMistake] = field(default_factory=list)
    suggestions: list[tuple[str, str]] = field(default_factory=list)
    is_readable: bool = False  # whether at least one part of the search text was understood


@require_safe
def find_anything(request: HttpRequest) -> HttpResponse:
    """Shows the results that this user may see. Sends at most four queries, and one more query for
    suggestions.
    """
    seen = {model for model in TITLES if _may_see(request, model)}
    if not seen:
        raise PermissionDenied
    whole = sees_contact_details(person_of(request))
    text = request.GET.get("q", "")
    query = StaffQuery(text, addresses=User in seen and whole, numbers=whole)
    context = {
        **admin.site.each_context(request),
        "title": "Search",
        "search_text": query.text,
        "quoted": shortened(query.text),
        "results": FindResults() if query.is_empty else results_of(query, seen, person_of(request)),
        "help": HELP,
    }
    return TemplateResponse(request, "admin/find.html", context)


def results_of(query: StaffQuery, seen: Set[type[models.Model]], reader: User) -> FindResults:
    """Returns the exact results, then the other results of each kind that the user may see."""
    kinds: dict[type[models.Model], KindResults] = {}
    named: list[Account] = []
    mistakes = query.parsed.mistakes
    if User in seen:
        kinds[User] = search.people(query)
    if Account in seen:
        kinds[Account], named = search.accounts(query)
    if Transaction in seen:
        scope = transactions.scope_for_staff(reader)
        kinds[Transaction], condition = transactions.transactions(query, scope, named)
        mistakes = condition.mistakes
    exact = [_hit(row, query, reader) for kind in kinds.values() for row in kind.exact]
    sections = [HitSection("Exact matches", str(len(exact)), exact)]
    for model, kind in kinds.items():
        more = _list_url(model, query.text) if kind.is_cut else ""
        hits = [_hit(row, query, reader) for row in kind.ranked]
        sections.append(HitSection(TITLES[model], kind.count, hits, more, kind.extent))
    results = FindResults([section for section in sections if section.hits])
    results.mistakes = [
        QueryMistake(each.sentence, _links(each.suggestions), each.is_hint) for each in mistakes
    ]
    if query.names.is_cut and {User, Account} & seen:
        results.mistakes.append(QueryMistake(CUT))
    results.is_readable = not query.parsed.is_empty
    if not results.sections:
        results.suggestions = _links(suggested_queries(query, seen).queries)
    return results


def _links(queries: Iterable[str]) -> list[tuple[str, str]]:
    return [(query, f"{reverse('admin_search')}?{urlencode({'q': query})}") for query in queries]


def _may_see(request: HttpRequest, model: type[models.Model]) -> bool:
    return bool(admin.site.get_model_admin(model).has_view_permission(request))


def _hit(row: Any, query: StaffQuery, reader: User) -> StaffHit:
    label = f"{row._meta.app_label}_{row._meta.model_name}"
    url = reverse(f"admin:{label}_change", args=[row.pk])
    if isinstance(row, User):
        return _person(row, url, masks=not query.numbers, names_staff=sees_rights(reader))
    return (
        _account(row, url, masks=not query.numbers)
        if isinstance(row, Account)
        else _transaction(row, url)
    )


def _person(person: User, url: str, *, masks: bool, names_staff: bool) -> StaffHit:
    state = [] if person.is_active else ["sign-in closed"]
    role = ["staff"] if person.is_staff and names_staff else []
    email = masked_address(person.email) if masks else person.email
    return StaffHit(person.name or email, url, [email, *role, *state])


def _account(account: Account, url: str, *, masks: bool) -> StaffHit:
    status = [] if account.is_active else [account.status]
    return StaffHit(
        f"{account.name} of {account.user}",
        url,
        [masked_number(account.number) if masks else account_number(account.number), *status],
        amount=figure(account.balance, account.currency),
        currency=account.currency,
        is_below=account.balance < 0,
    )


def _transaction(row: Transaction, url: str) -> StaffHit:
    sides = [
        side.user if side else "outside the bank" for side in (row.from_account, row.to_account)
    ]
    category = cut(visible(row.category or ""), CATEGORY_LENGTH)
    state = [] if row.status == Transaction.Status.COMPLETED else [row.status]
    return StaffHit(
        row.description or row.get_type_display(),
        url,
        [f"{sides[0]} to {sides[1]}", *filter(None, [row.reference, category]), *state],
        row.created_at,
        figure(row.amount, row.currency),
        row.currency,
    )


def _list_url(model: type[models.Model], text: str) -> str:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    return f"{reverse(name)}?{urlencode({'q': text})}"
