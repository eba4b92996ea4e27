"""The pages of the reports, and the download of reports as files."""

from django.db import OperationalError
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.models import Account, User
from accounts.models.token_rights import SEE_NAMES
from accounts.requests import PersonRequest
from ledger.db.retry import Failure, failure_of
from ledger.web.table_files import download, refused
from transactions.reports.catalogue import report_or_404, reports_for
from transactions.reports.file import report_lines
from transactions.reports.read_holders import record_holders
from transactions.reports.report import ReportParameters
from transactions.reports.runner import SECONDS, Run, run
from transactions.reports.save_views import SaveReportForm
from transactions.reports.saved import saved_reports
from transactions.scope import may_explore_bank, may_read_bank, may_see_plans
from transactions.work_panel import WorkPanel, note_plans

TOO_LONG = f"This takes longer than {SECONDS} seconds, so it was stopped. Choose fewer days."


@require_safe
def report_list(request: PersonRequest) -> HttpResponse:
    """Lists the reports that this reader may open, in groups. The list is empty if the reader has
    no account and may not read the bank.
    """
    reader = request.user
    has_rows = may_read_bank(reader) or Account.objects.owned_by(reader).exists()
    groups = reports_for(reader) if has_rows else []
    context = {
        "groups": groups,
        "scope": _scope_in_words(reader) if groups else "",
        "may_explore": may_explore_bank(reader),
        "saved": saved_reports(reader) if groups else [],
    }
    return render(request, "transactions/report_list.html", context)


def _scope_in_words(reader: User) -> str:
    """Returns a text about the accounts that the reports cover for this reader."""
    if not may_read_bank(reader):
        return "Your own accounts."
    names = "" if reader.has_perm(SEE_NAMES) else ", without names"
    return f"The whole bank{names}, or your own accounts."


@require_safe
def report(request: PersonRequest, slug: str) -> HttpResponse:
    """Shows the page of a report: its result, chart and table, and the SQL queries."""
    chosen = report_or_404(request.user, slug)
    form = chosen.bind_form(request.GET.dict(), request.user)
    context = {"report": chosen, "form": form, "run": None, "too_long": "", "query": request.GET}
    context["file_query"] = f"?{request.GET.urlencode()}" if request.GET else ""
    may_plan = may_see_plans(request.user)
    if form.has_money and form.is_valid():
        try:
            context["run"] = shown = run(
                chosen,
                ReportParameters(form.scope, form.params, form.compares_with),
                with_plans=may_plan and "plans" in request.GET,
                fresh="fresh" in request.GET,
            )
            record_holders(shown)
            if shown.has_plans:
                note_plans(request.user)
            context["save_form"] = SaveReportForm(reader=request.user)
            context["panel"] = _panel(request, shown, may_plan=may_plan)
        except OperationalError as error:
            if failure_of(error) is not Failure.TIMED_OUT:
                raise
            context["too_long"] = TOO_LONG
    status = 503 if context["too_long"] else 200
    return render(request, "transactions/report.html", context, status=status)


def _panel(request: PersonRequest, shown: Run, *, may_plan: bool) -> WorkPanel:
    """Returns the panel below the report with the source code and the SQL queries."""
    return WorkPanel(
        (shown.report.function, *shown.report.parts),
        shown.in_shell,
        shown.work,
        shown.report.shows,
        is_open=shown.has_plans,
        plans_url=_work_url(request, "plans") if may_plan and not shown.has_plans else "",
        cached=shown.cached,
        fresh_url=_work_url(request, "fresh"),
        explorer_urls=_explorer_urls(request, shown) if may_explore_bank(request.user) else (),
    )


def _explorer_urls(request: PersonRequest, shown: Run) -> list[str]:
    """Returns one URL for each query of the report. The URL opens the query in the explorer, with
    the same parameters.
    """
    query = f"?{request.GET.urlencode()}" if request.GET else ""
    return [
        reverse("explorer:of_report", args=[shown.report.slug, number]) + query
        for number in range(1, len(shown.work.queries) + 1)
    ]


def _work_url(request: PersonRequest, name: str) -> str:
    """Returns the URL of the panel below the same report, with one more parameter."""
    params = request.GET.copy()
    params[name] = "1"
    return f"?{params.urlencode()}#work"


@require_safe
def report_file(request: PersonRequest, slug: str, kind: str) -> HttpResponseBase:
    """Streams all rows of a report as a file."""
    chosen = report_or_404(request.user, slug)
    form = chosen.bind_form(request.GET.dict(), request.user)
    if not (form.has_money and form.is_valid()):
        sentence = " ".join(str(error) for errors in form.errors.values() for error in errors)
        return refused(sentence or "There is no account yet.", kind)
    try:
        params = ReportParameters(form.scope, form.params, form.compares_with)
        file = report_lines(chosen, params, kind)
    except OperationalError as error:
        if failure_of(error) is not Failure.TIMED_OUT:
            raise
        return refused(TOO_LONG, kind, status=503)
    return download(file, chosen.slug, kind)
