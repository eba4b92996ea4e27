"""The editor, which shows a query and the views, runs the query, and shows, downloads or saves the
result.
"""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.requests import PersonRequest
from explorer import services
from explorer.access import ExplorerReader, reader_for
from explorer.models import QueryRun, SavedQuery
from explorer.pages.examples import EXAMPLES
from explorer.pages.files import FILE_ROWS, file_of
from explorer.pages.forms import PREFIX, EditorForm, SaveForm
from explorer.pages.result import ShownResult
from explorer.running.anywhere import run_anywhere
from explorer.running.limiter import ExplorerBusy, limited
from explorer.running.placeholders import numbered
from explorer.running.run import (
    MAX_MEGABYTES,
    TOO_LONG,
    Problem,
    QueryParameter,
    QueryRequest,
    QueryResult,
)
from explorer.running.session import NotSetUp
from explorer.schema.views import VIEWS
from ledger.db.queries.work import error_line
from ledger.db.rights.row_security import read_bank

PAGE_ROWS, PAGE_MEGABYTES = 200, 1
MAX_LISTED = 50  # the maximum number of colleagues' queries in the list
FILES = ("csv", "json")
# The HTML type of the input, by the kind of the parameter; the default is text
INPUTS = {"number": "text", "date": "date"}


@dataclass(slots=True)
class Editor:
    """The state of the page: the query, the values of its parameters, and the result. If there is
    no result, `trouble` is the reason.
    """

    reader: ExplorerReader
    sql: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    kinds: list[QueryParameter] = field(default_factory=list)
    saved: SavedQuery | None = None
    shown: ShownResult | None = None
    trouble: str = ""
    status: int = 200

    @property
    def sentence(self) -> str:
        """The headline of the page: a description of the result, the title of a saved query without
        a result, or a text that explains what to do.
        """
        if self.shown is not None:
            return self.shown.sentence
        return self.saved.title if self.saved else "Query the ledger with SQL"

    @property
    def inputs(self) -> list[dict[str, str]]:
        """The attributes of the input for each parameter of the query."""
        kinds = {each.name: each.kind for each in self.kinds}
        return [
            {
                "name": f"{PREFIX}{name}",
                "label": name.replace("_", " "),
                "type": INPUTS.get(kinds.get(name, "text"), "text"),
                "mode": "decimal" if kinds.get(name) == "number" else "text",
                "value": self.parameters.get(name, ""),
            }
            for name in kinds or self.parameters
        ]


def reader_or_404(request: PersonRequest) -> ExplorerReader:
    """Returns the user with the scope of their queries.

    Raises: Http404 if the user may not use the explorer.
    """
    reader = reader_for(request.user)
    if reader is None:
        raise Http404
    return reader


@require_http_methods(["GET", "HEAD", "POST"])
def editor(request: PersonRequest) -> HttpResponseBase:
    """Shows the editor. A POST request does the action of the pressed button. Users who may not run
    queries are redirected to the page with groups of payments.
    """
    if request.method == "POST":
        return _submitted(request)
    reader = reader_for(request.user)
    if reader is None:
        return redirect("explorer:browse")
    return _page(request, Editor(reader), EditorForm(initial={"sql": EXAMPLES[0].sql}))


def _submitted(request: PersonRequest) -> HttpResponseBase:
    """Does the action of the pressed button: runs the query, returns its rows as a file, saves the
    query, or opens it without running it.
    """
    state = Editor(reader_or_404(request))
    form, wanted = EditorForm(request.POST), request.POST.get("as", "page")
    is_valid = form.is_valid()
    # An invalid query stays in its field, and its parameters are not read
    if "sql" in form.cleaned_data:
        state.sql, state.parameters = form.cleaned_data["sql"], form.parameters()
    if not is_valid:
        state.trouble, state.status = " ".join(map(str, form.non_field_errors())), 400
        return _page(request, state, form)
    state.saved = _saved(request)
    if wanted == "open":
        return show(request, state)
    if wanted in ("save", "replace"):
        return _save(request, state, form, replaces=wanted == "replace")
    try:
        # Includes the time for writing the response, which also needs CPU time
        with limited(request.user.pk):
            result = _run(request, state, wanted, form.cleaned_data["plan"])
            if wanted in FILES and result is not None and result.was_run:
                return file_of(result, wanted)
            return _page(request, state, form)
    except ExplorerBusy as error:
        state.trouble, state.status = str(error), 503
        return _page(request, state, form)


def _run(request: PersonRequest, state: Editor, wanted: str, plan: str) -> QueryResult | None:
    """Runs the query, records the run in the history, and returns the result. If the query cannot
    be run, sets `trouble` to the reason and returns None.
    """
    is_file = wanted in FILES
    form = wanted if is_file else "page"
    limit = FILE_ROWS if is_file else PAGE_ROWS
    query_request = QueryRequest(
        state.sql, state.parameters, limit, settings.LEDGER_EXPLORER_SECONDS,
        "" if is_file else plan, MAX_MEGABYTES if is_file else PAGE_MEGABYTES,
    )  # fmt: skip
    try:
        result = run_anywhere(query_request, state.reader)
    except (ExplorerBusy, NotSetUp) as error:
        _record_failure(request, state, form, error)  # a replica may already have run the query
        state.trouble, state.status = str(error), 503
        return None
    except Exception as error:  # for example, the server has crashed, perhaps because of this query
        _record_failure(request, state, form, error)
        raise
    state.kinds = list(result.parameters)
    state.shown = ShownResult(result, state.sql, limit)
    _record(request, state, result, form)
    if result.problem and result.problem.state == TOO_LONG:
        state.status = 503
    elif result.problem:
        state.status = 400
    return result


def _record(
    request: PersonRequest,
    state: Editor,
    result: QueryResult,
    form: str,
    *,
    has_failed: bool = False,
) -> None:
    """Writes the run into the history. Must be called before the result is shown."""
    services.record_run(
        person=request.user, sql=state.sql, parameters=state.parameters,
        scope=state.reader.name, form=form,
        outcome=QueryRun.RunOutcome.FAILED if has_failed else result.outcome,
        message=result.why_not,
        rows=len(result.rows), milliseconds=result.milliseconds,
    )  # fmt: skip


def _record_failure(request: PersonRequest, state: Editor, form: str, error: Exception) -> None:
    failed = QueryResult(problem=Problem(error_line(error)))
    _record(request, state, failed, form, has_failed=True)


def _save(
    request: PersonRequest, state: Editor, form: EditorForm, *, replaces: bool
) -> HttpResponseBase:
    save = SaveForm(request.POST)
    if not save.is_valid():
        state.status = 400
        return _page(request, state, form, save)
    try:
        query = services.save_query(
            owner=request.user, sql=state.sql, parameters=state.parameters,
            title=save.cleaned_data["title"], is_shared=save.cleaned_data["is_shared"],
            replaces=state.saved.pk if replaces and state.saved else None,
        )  # fmt: skip
    except services.QueryNotFound:
        raise Http404 from None
    except services.TooManyQueries as error:
        save.add_error("title", str(error))
        state.status = 400
        return _page(request, state, form, save)
    messages.success(request, f"Saved “{query.title}”.")
    return redirect("explorer:saved", query.pk)


@require_safe
def saved(request: PersonRequest, pk: UUID) -> HttpResponse:
    """Opens a saved query in the editor. The query is not run."""
    reader = reader_or_404(request)
    read_bank()
    found = get_object_or_404(SavedQuery.objects.visible_to(request.user), pk=pk)
    state = Editor(reader, found.sql, dict(found.parameters), saved=found)
    return show(request, state)


@require_POST
def delete_saved(request: PersonRequest, pk: UUID) -> HttpResponse:
    """Deletes one of the user's own queries."""
    reader_or_404(request)
    try:
        services.delete_query(owner=request.user, query=pk)
    except services.QueryNotFound:
        raise Http404 from None
    messages.success(request, "The query was deleted.")
    return redirect("explorer:editor")


def _saved(request: PersonRequest) -> SavedQuery | None:
    """Returns the saved query that the form has opened. Returns None if there is no such query, or
    if the query does not belong to the user.
    """
    try:
        pk = UUID(request.POST.get("saved", ""))
    except ValueError:
        return None
    return SavedQuery.objects.filter(owner=request.user, pk=pk).first()


def _page(
    request: PersonRequest, state: Editor, form: EditorForm, save: SaveForm | None = None
) -> HttpResponse:
    read_bank()  # shared queries belong to colleagues
    if not state.kinds and state.sql:
        state.kinds = [QueryParameter(name, "text") for name in numbered(state.sql).names]
    saved_queries = SavedQuery.objects.in_order()
    is_own = state.saved is not None and state.saved.owner_id == request.user.pk
    facts = ("title", "is_shared") if is_own else ()
    initial = {name: getattr(state.saved, name) for name in facts}
    context: dict[str, Any] = {
        "editor": state,
        "form": form,
        "save": save or SaveForm(initial=initial),
        "is_own": is_own,
        "views": VIEWS,
        "examples": EXAMPLES,
        "queries": [
            *saved_queries.filter(owner=request.user),
            *saved_queries.shared_with(request.user)[:MAX_LISTED],
        ],
        "seconds": settings.LEDGER_EXPLORER_SECONDS,
        "page_rows": PAGE_ROWS,
        "file_rows": FILE_ROWS,
    }
    return render(request, "explorer/editor.html", context, status=state.status)


def show(request: PersonRequest, state: Editor) -> HttpResponse:
    """Renders the page with a query that has not been run yet."""
    return _page(request, state, EditorForm(initial={"sql": state.sql}))
