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
from ledger.db.work import Work, watched
from transactions.scope import BANK, MINE, Reach, may_read_bank
from transactions.search import engine as searching
from transactions.search.conditions.names import Names, may_see_names, reach_and_names
from transactions.search.conditions.terms import Terms
from transactions.search.language.parser import parse
from transactions.search.language.tree import Query
from transactions.search.page.results import SearchPage
from transactions.search.suggestions import Nearest, nearest


@dataclass(frozen=True, slots=True)
class Shown:
    """What the panel of the work shows."""

    reach: Reach
    query: Query
    work: Work
    has_plans: bool
    said: str

    @property
    def code(self) -> str:
        return f"{inspect.getsource(searching.find)}\n\n{inspect.getsource(Terms.condition)}"

    @property
    def in_shell(self) -> str:
        return (
            "from transactions import search\n"
            "from transactions.scope import reach_of\n\n"
            f"reach = reach_of(User.objects.get(email={self.reach.reader.email!r}),"
            f" {self.reach.whose!r})\n"
            f"found = search.find(reach, {self.query.text!r})\n"
            "found.rows, found.facets, found.mistakes"
        )


@require_safe
def search(request: PersonRequest) -> HttpResponse:
    """What the reader's rows answer to a query; with htmx, the results alone."""
    asked, query = request.GET, parse(request.GET.get("q", ""))
    with watched() as work:
        reach, names = _reach(request, query)
        sort, page = asked.get("sort", ""), _number(asked.get("page", ""))
        found = searching.find(reach, query, sort=sort, page=page, names=names)
        is_answered = found.rows or found.page > 1 or query.is_empty
        meant = Nearest() if is_answered else nearest(reach, query)
        has_plans = "plans" in asked and _may_see_work(request, reach)
        if has_plans:
            work.explain()
    shown = SearchPage(
        found,
        may_read_bank=may_read_bank(request.user),
        may_open_all=request.user.is_staff
        and request.user.has_perm("transactions.view_transaction"),
        chosen_sort=sort if sort in searching.SORTS else "",
        nearest=meant,
    )
    context: dict[str, Any] = {"page": shown, "typed": query.text, "query": asked}
    if _may_see_work(request, reach) and not query.is_empty:
        context["run"] = Shown(reach, query, work, has_plans, _said(meant))
        context["report"] = {"shows": "GIN, tsquery, GROUPING SETS"}
    whole = not request.htmx or request.htmx.history_restore_request
    template = "search.html" if whole else "_search_results.html"
    response = render(request, f"transactions/{template}", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _reach(request: PersonRequest, query: Query) -> tuple[Reach, Names]:
    """Whose rows: one's own, unless the bank's are asked for, or one has no account at all."""
    whose = request.GET.get("whose", MINE)
    reach, names = reach_and_names(request.user, whose, query)
    if not reach.is_bank and not reach.accounts and may_read_bank(request.user):
        return reach_and_names(request.user, BANK, query)
    return reach, names


def _may_see_work(request: PersonRequest, reach: Reach) -> bool:
    """The SQL names the accounts of all who bear a name: for those who may know them."""
    if reach.is_bank and not reach.names:
        return True
    return settings.DEBUG or may_see_names(request.user)


def _number(typed: str) -> int:
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 6 else 1


def _said(meant: Nearest) -> str:
    if not meant.meant:
        return ""
    return f"Near words by {'pg_trgm' if meant.by_trigrams else 'difflib, as there is no pg_trgm'}."
