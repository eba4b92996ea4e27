"""Who ran what: one's own queries, and for those who may see them everybody's."""

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

PAGE = 50


@require_safe
def history(request: PersonRequest) -> HttpResponse:
    """Lists the queries that were run, the newest first."""
    runs, sees_all = _visible(request)
    page = Paginator(runs, PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "sees_all": sees_all,
        "days": kept_days(),
        "may_open": reader_for(request.user) is not None,  # auditors only read who ran what
    }
    return render(request, "explorer/history.html", context)


@require_safe
def run_again(request: PersonRequest, pk: UUID) -> HttpResponse:
    """Opens a query of the history in the editor, without running it; shows it whole to those who
    only read the history.
    """
    runs, sees_all = _visible(request)
    found = get_object_or_404(runs, pk=pk)
    reader = reader_for(request.user)
    if reader is None:
        return render(request, "explorer/run.html", {"run": found, "sees_all": sees_all})
    return show(request, Editor(reader, found.sql, dict(found.parameters)))


def _visible(request: PersonRequest) -> "tuple[QuerySet[QueryRun], bool]":
    """The runs that this person may see, and whether those are everybody's. 404 for who has none
    to see.
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
