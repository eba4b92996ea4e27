"""The search page."""

import inspect
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from accounts.requests import PersonRequest
from ledger.db.work import QueryLog, watched
from transactions.scope import BANK, MINE, Scope, may_read_bank
from transactions.search import engine as searching
from transactions.search.conditions.names import NameMatches, may_see_names, scope_and_names
from transactions.search.conditions.terms import TermCompiler
from transactions.search.language.parser import parse
from transactions.search.language.tree import ParsedQuery
from transactions.search.page.results import SearchPage
from transactions.search.suggestions import Suggestions, suggest


@dataclass(frozen=True, slots=True)
class WorkPanel:
    """What the panel of the work shows."""

    scope: Scope
    query: ParsedQuery
    work: QueryLog
    has_plans: bool
    said: str

    @property
    def code(self) -> str:
        return f"{inspect.getsource(searching.find)}\n\n{inspect.getsource(TermCompiler.condition)}"

    @property
    def in_shell(self) -> str:
        return (
            "from transactions import search\n"
            "from transactions.scope import scope_for\n\n"
            f"scope = scope_for(User.objects.get(email={self.scope.reader.email!r}),"
            f" {self.scope.whose!r})\n"
            f"found = search.find(scope, {self.query.text!r})\n"
            "found.rows, found.facets, found.mistakes"
        )


@require_safe
def search(request: PersonRequest) -> HttpResponse:
    """What the reader's rows answer to a query; with htmx, the results alone."""
    asked, query = request.GET, parse(request.GET.get("q", ""))
    with watched() as work:
        scope, names = _reach(request, query)
        sort, page = asked.get("sort", ""), _number(asked.get("page", ""))
        found = searching.find(scope, query, sort=sort, page=page, names=names)
        is_answered = found.rows or found.page > 1 or query.is_empty
        meant = Suggestions() if is_answered else suggest(scope, query)
        has_plans = "plans" in asked and _may_see_work(request, scope)
        if has_plans:
            work.explain()
    shown = SearchPage(
        found,
        may_read_bank=may_read_bank(request.user),
        may_open_all=request.user.is_staff
        and request.user.has_perm("transactions.view_transaction"),
        chosen_sort=sort if sort in searching.SORTS else "",
        suggestions=meant,
    )
    context: dict[str, Any] = {"page": shown, "typed": query.text, "query": asked}
    if _may_see_work(request, scope) and not query.is_empty:
        context["run"] = WorkPanel(scope, query, work, has_plans, _said(meant))
        context["report"] = {"shows": "GIN, tsquery, GROUPING SETS"}
    whole = not request.htmx or request.htmx.history_restore_request
    template = "search.html" if whole else "_search_results.html"
    response = render(request, f"transactions/{template}", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _reach(request: PersonRequest, query: ParsedQuery) -> tuple[Scope, NameMatches]:
    """Whose rows: one's own, unless the bank's are asked for, or one has no account at all."""
    whose = request.GET.get("whose", MINE)
    scope, names = scope_and_names(request.user, whose, query)
    if not scope.is_bank and not scope.accounts and may_read_bank(request.user):
        return scope_and_names(request.user, BANK, query)
    return scope, names


def _may_see_work(request: PersonRequest, scope: Scope) -> bool:
    """The SQL names the accounts of all who bear a name: for those who may know them."""
    if scope.is_bank and not scope.names:
        return True
    return settings.DEBUG or may_see_names(request.user)


def _number(typed: str) -> int:
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 6 else 1


def _said(meant: Suggestions) -> str:
    if not meant.meant:
        return ""
    return f"Near words by {'pg_trgm' if meant.by_trigrams else 'difflib, as there is no pg_trgm'}."
