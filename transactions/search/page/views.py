"""The search page, and the download of all results as a file."""

from itertools import chain
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from accounts.requests import PersonRequest
from accounts.shown import add_accounts
from ledger.db.queries.work import watched
from ledger.db.replicas import ReadPurpose, read
from ledger.web.table_files import refused, table_response
from transactions.scope import BANK, MINE, Scope, may_read_bank
from transactions.search import engine
from transactions.search.batches import all_rows
from transactions.search.engine import SearchResult
from transactions.search.language.parser import parse
from transactions.search.language.query import ParsedQuery
from transactions.search.page.file import results_table
from transactions.search.page.results import SearchPage
from transactions.search.sql.compiler import ConditionCompiler
from transactions.search.sql.name_lookup import NameMatches, find_scope_and_names
from transactions.search.suggestions import Suggestions, suggest
from transactions.work_panel import WorkPanel, may_see_lookups, note_plans

# The scope and the accounts that a word refers to are read earlier, from the primary database.
SEARCH = ReadPurpose(
    "search", frozenset({"transactions", "accounts", "users", "annotations", "own_categories"})
)


@require_safe
def search(request: PersonRequest) -> HttpResponse:
    """Shows the search page. An htmx request gets only the results."""
    params, query = request.GET, parse(request.GET.get("q", ""))
    with watched(texts_later=True) as work:
        scope, names = _scope_and_names(request, query)
        sort, page = params.get("sort", ""), _page_number(params.get("page", ""))
        has_plans = "plans" in params and _may_see_work(request, scope)

        def found() -> tuple[SearchResult, Suggestions]:
            result = engine.find(scope, query, sort=sort, page=page, names=names)
            needs_no_words = result.rows or page > 1 or query.is_empty or result.is_explained
            suggestions = Suggestions() if needs_no_words else suggest(scope, query)
            if has_plans:
                work.explain()
            return result, suggestions

        result, suggestions = read(SEARCH, found)
    search_page = SearchPage(
        result,
        may_read_bank=may_read_bank(request.user),
        may_open_all=request.user.is_staff
        and request.user.has_perm("transactions.view_transaction"),
        chosen_sort=sort if sort in engine.SORTS else "",
        suggestions=suggestions,
    )
    context: dict[str, Any] = {"page": search_page, "typed": query.text, "query": params}
    if has_plans:
        note_plans(request.user)
        if scope.is_bank:
            add_accounts(*chain.from_iterable(match.others for match in names.values()))
    if _may_see_work(request, scope) and not query.is_empty:
        context["panel"] = WorkPanel(
            (engine.find, ConditionCompiler.condition),
            _in_shell(scope, query),
            work,
            "GIN, tsquery, GROUPING SETS",
            url=search_page.work_url,
            is_open=has_plans,
            summary=_remark(suggestions),
        )
    is_whole_page = not request.htmx or request.htmx.history_restore_request
    template = "search.html" if is_whole_page else "_search_results.html"
    response = render(request, f"transactions/{template}", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_safe
def results_file(request: PersonRequest, kind: str) -> HttpResponseBase:
    """Streams all results of a search as a file. The oldest rows come first if the page shows the
    oldest rows first. Otherwise the newest rows come first.
    """
    query = parse(request.GET.get("q", ""))
    if query.is_empty:
        why = " ".join(mistake.sentence for mistake in query.mistakes)
        return refused(why or "Type what to search for, as in ?q=rent.", kind)
    scope, names = _scope_and_names(request, query)
    found = all_rows(scope, query, names, oldest_first=request.GET.get("sort") == "oldest")
    return table_response(results_table(found, SEARCH), kind)


def _in_shell(scope: Scope, query: ParsedQuery) -> str:
    """Returns Python code for `manage.py shell` that runs the same search."""
    return (
        "from transactions import search\n"
        "from transactions.scope import scope_for\n\n"
        f"scope = scope_for(User.objects.get(email={scope.reader.email!r}), {scope.kind!r})\n"
        f"result = search.find(scope, {query.text!r})\n"
        "result.rows, result.facets, result.mistakes"
    )


def _scope_and_names(request: PersonRequest, query: ParsedQuery) -> tuple[Scope, NameMatches]:
    """Returns the requested scope, and the people and accounts that the words may refer to. The
    scope is the whole bank if the reader has no account but may read the bank.
    """
    scope, names = find_scope_and_names(request.user, request.GET.get("whose", MINE), query)
    if not scope.is_bank and not scope.accounts and may_read_bank(request.user):
        return find_scope_and_names(request.user, BANK, query)
    return scope, names


def _may_see_work(request: PersonRequest, scope: Scope) -> bool:
    """Returns whether the reader may see the SQL of the search. The SQL may contain ids of accounts
    that the search found by the name of their holder.
    """
    if scope.is_bank and not scope.shows_names:
        return True
    return may_see_lookups(request.user)


def _page_number(typed: str) -> int:
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 6 else 1


def _remark(suggestions: Suggestions) -> str:
    if not suggestions.queries:
        return ""
    return "Similar words by difflib."
