"""Opens the SQL of a report in the editor."""

from django.db import OperationalError
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from accounts.requests import PersonRequest
from accounts.shown import add_unnamed, opened_by_right
from explorer.pages.editor import Editor, reader_or_404, show
from ledger.db.retry import Failure, failure_of
from ledger.text.sql_layout import lay_out
from transactions.reports.catalogue import BY_SLUG
from transactions.reports.report import ReportParameters
from transactions.reports.runner import run


@require_safe
def of_report(request: PersonRequest, slug: str, number: int) -> HttpResponse:
    """Opens a query of a report in the editor, without running the query there. The report itself
    runs first, because only then its SQL is known. `number` is the number of the query, starting at
    1, and the URL contains the parameters of the report.

    Raises: Http404 if there is no such query.
    """
    reader = reader_or_404(request)
    report = BY_SLUG.get(slug)
    if report is None:
        raise Http404
    form = report.bind_form(request.GET.dict(), request.user)
    if not (form.has_money and form.is_valid()):
        raise Http404
    if form.scope.is_bank:
        opened_by_right()  # the SQL, and whether the report takes too long, may depend on rows
        add_unnamed()
    try:
        queries = run(report, ReportParameters(form.scope, form.params)).work.queries
    except OperationalError as error:
        if failure_of(error) is not Failure.TIMED_OUT:
            raise
        raise Http404 from error
    if not 1 <= number <= len(queries):
        raise Http404
    return show(request, Editor(reader, lay_out(queries[number - 1].sql)))
