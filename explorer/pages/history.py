"""The history of queries: the user's own queries or, with a permission, the queries of all
people.
"""

from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.requests import PersonRequest
from accounts.shown import add_unnamed, opened_by_right
from explorer.access import reader_for
from explorer.models import QueryRun, kept_days
from explorer.pages.editor import Editor, show
from explorer.running.placeholders import numbered

PAGE = 50


@require_safe
def history(request: PersonRequest) -> HttpResponse:
    """Lists the queries that were run. The newest query is first."""
    runs, sees_all = _visible(request)
    page = Paginator(runs, PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "sees_all": sees_all,
        "days": kept_days(),
        "may_open": reader_for(request.user) is not None,  # auditors can only read the history
    }
    return render(request, "explorer/history.html", context)


@require_safe
def run_again(request: PersonRequest, pk: UUID) -> HttpResponse:
    """Opens a query of the history in the editor, without running the query. Users who may only
    read the history see a page with the whole query.
    """
    runs, sees_all = _visible(request)
    found = get_object_or_404(runs, pk=pk)
    reader = reader_for(request.user)
    if reader is None:
        return render(request, "explorer/run.html", {"run": found, "sees_all": sees_all})
    names = numbered(found.sql).names  # a run of an exercise also has the name of the exercise
    parameters = {name: value for name, value in found.parameters.items() if name in names}
    return show(request, Editor(reader, found.sql, parameters))


def _visible(request: PersonRequest) -> "tuple[QuerySet[QueryRun], bool]":
    """Returns the runs that this user may see, and whether these include the runs of other people.

    Raises: Http404 if the user may not see the history.
    """
    person: User = request.user
    sees_all = person.is_staff and person.has_perm("explorer.view_queryrun")
    if not sees_all and reader_for(person) is None:
        raise Http404
    runs = QueryRun.objects.select_related("person").order_by("-ran_at", "-id")
    if sees_all:
        opened_by_right()
        add_unnamed()
        return runs, True
    return runs.filter(person=person), False
