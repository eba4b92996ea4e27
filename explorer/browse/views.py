"""The view of `/explorer/browse/`."""

from django.db import OperationalError
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Account
from accounts.requests import PersonRequest
from accounts.shown import add_unnamed
from explorer.access import reader_for
from explorer.browse.dimensions import dimension_named
from explorer.browse.file import groups_table
from explorer.browse.groups import PaymentGroups, account_ids, groups_of
from explorer.browse.page import Accounts, BrowsePage
from ledger.db.replicas import ReadPurpose, read
from ledger.db.retry import Failure, failure_of
from ledger.web.table_files import refused, table_response
from transactions.scope import BANK, MINE, may_read_bank
from transactions.search.language.parser import parse
from transactions.search.mistakes import scope_mistakes
from transactions.search.sql.compiler import ConditionCompiler
from transactions.search.sql.name_lookup import find_scope_and_names
from transactions.search.sql.sides import TransactionSides

BROWSE = ReadPurpose(
    "browse", frozenset({"transactions", "accounts", "users", "annotations", "own_categories"})
)

SHOWN = ("number", "name", "user_id", "user__name")  # the columns of accounts that a page needs


@require_safe
def browse(request: PersonRequest) -> HttpResponse:
    """Shows the payments of the query in the URL, grouped by the dimension in the URL."""
    page = _page(request)
    context = {
        "page": page,
        "typed": page.query.text,
        "may_explore": reader_for(request.user) is not None,
    }
    status = 503 if page.is_stopped else 200
    return render(request, "explorer/browse.html", context, status=status)


@require_safe
def browse_file(request: PersonRequest, kind: str) -> HttpResponseBase:
    """Returns the groups of a page as a file, or a message if the query is invalid or takes too
    long.
    """
    page = _page(request)
    if page.is_stopped:
        return refused(page.sentence, kind, status=503)
    if wrong := [mistake.sentence for mistake in page.mistakes if not mistake.is_advice]:
        return refused(" ".join(wrong), kind)
    return table_response(groups_table(page), kind)


def _page(request: PersonRequest) -> BrowsePage:
    query = parse(request.GET.get("q", ""))
    kind = request.GET.get("whose", MINE)
    scope, names = find_scope_and_names(request.user, kind, query)
    may_bank = may_read_bank(request.user)
    if not scope.is_bank and not scope.accounts and may_bank:
        scope, names = find_scope_and_names(request.user, BANK, query)
    dimension = dimension_named(request.GET.get("by", ""), scope)
    mistakes = [*query.mistakes, *scope_mistakes(query, scope, names)]
    page = BrowsePage(scope, query, dimension, PaymentGroups(), mistakes, may_read_bank=may_bank)

    def found() -> tuple[PaymentGroups, Accounts]:
        where = ConditionCompiler(TransactionSides(scope), names).condition(query).where
        groups = groups_of(scope, where, dimension)
        ids = account_ids(groups, dimension)
        known = Account.objects.select_related("user").only(*SHOWN)
        accounts = known.filter(pk__in=ids) if ids else ()
        return groups, {str(account.pk): account for account in accounts}

    if not (query.is_empty and query.text):  # not true if every term of the query was a mistake
        try:
            page.found, page.accounts = read(BROWSE, found)
        except OperationalError as error:
            if failure_of(error) is not Failure.TIMED_OUT:
                raise
            page.is_stopped = True
    if scope.is_bank and page.found.groups:
        add_unnamed()  # a category or a metadata value may belong to any person
    return page
