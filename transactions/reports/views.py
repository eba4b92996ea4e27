"""The pages of the reports, and their CSV files."""

import csv
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast

from django.db import OperationalError
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Account, User
from accounts.requests import PersonRequest
from ledger.db.replicas import read
from ledger.db.retry import Failure, failure_of
from ledger.db.snapshot import snapshot
from ledger.text.csv_cells import guarded
from transactions.reports.catalogue import BY_SLUG, REPORT_GROUPS, ReportGroup
from transactions.reports.report import REPORT, Column, Report, ReportParameters, Row
from transactions.reports.runner import SECONDS, run
from transactions.reports.whose import Whose, tell_page
from transactions.scope import may_read_bank, may_see_plans

SPOOLED = 2 * 1024 * 1024
TOO_LONG = f"This takes longer than {SECONDS} seconds, so it was stopped. Ask for fewer days."


@require_safe
def report_list(request: PersonRequest) -> HttpResponse:
    """Lists the reports that this reader may open, in groups; none if there is no account to report
    on.
    """
    reader = request.user
    has_rows = may_read_bank(reader) or Account.objects.owned_by(reader).exists()
    groups = _groups_for(request) if has_rows else []
    context = {"groups": groups, "scope": _scope_in_words(reader) if groups else ""}
    return render(request, "transactions/report_list.html", context)


def _groups_for(request: PersonRequest) -> list[ReportGroup]:
    """The groups with the reports that this reader may open; empty groups are left out."""
    groups = [
        ReportGroup(title, tuple(report for report in reports if _is_for(request, report)))
        for title, reports in REPORT_GROUPS
    ]
    return [group for group in groups if group.reports]


def _scope_in_words(reader: User) -> str:
    """Which accounts the reports cover for this reader, as a sentence."""
    if not may_read_bank(reader):
        return "Your own accounts."
    names = "" if reader.has_perm("accounts.view_user") else ", without names"
    return f"The whole bank{names}, or your own accounts."


@require_safe
def report(request: PersonRequest, slug: str) -> HttpResponse:
    """Shows one report: its finding, its chart, its table, and the queries behind it."""
    chosen = _report_or_404(request, slug)
    form = chosen.bind_form(request.GET.dict(), request.user)
    context = {"report": chosen, "form": form, "run": None, "too_long": "", "query": request.GET}
    context["may_see_plans"] = may_plan = may_see_plans(request.user)
    if form.has_money and form.is_valid():
        try:
            context["run"] = shown = run(
                chosen,
                ReportParameters(form.scope, form.params),
                with_plans=may_plan and "plans" in request.GET,
                fresh="fresh" in request.GET,
            )
            tell_page(shown)
        except OperationalError as error:
            if failure_of(error) is not Failure.TIMED_OUT:
                raise
            context["too_long"] = TOO_LONG
    status = 503 if context["too_long"] else 200
    return render(request, "transactions/report.html", context, status=status)


@require_safe
def report_csv(request: PersonRequest, slug: str) -> HttpResponseBase:
    """Streams the rows of a report as a CSV file."""
    chosen = _report_or_404(request, slug)
    form = chosen.bind_form(request.GET.dict(), request.user)
    if not (form.has_money and form.is_valid()):
        sentence = " ".join(str(error) for errors in form.errors.values() for error in errors)
        return HttpResponse(
            sentence or "There is no account yet.",
            status=400,
            content_type="text/plain; charset=utf-8",
        )
    try:
        file = _file(chosen, ReportParameters(form.scope, form.params))
    except OperationalError as error:
        if failure_of(error) is not Failure.TIMED_OUT:
            raise
        return HttpResponse(TOO_LONG, status=503, content_type="text/plain; charset=utf-8")
    return StreamingHttpResponse(
        file,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{chosen.slug}.csv"'},
    )


def _file(chosen: Report, params: ReportParameters) -> IO[str]:
    """The CSV file, complete before anything is sent: in memory, on disk above SPOOLED bytes.

    So a query that times out leaves no truncated file, and the snapshot, in which nothing can be
    written, is over when the request logs what was read.
    """
    file, whose = read(REPORT, lambda: _written(chosen, params))
    whose.tell()
    file.seek(0)
    return file


def _written(chosen: Report, params: ReportParameters) -> tuple[IO[str], Whose]:
    """The file, and whose rows it has."""
    file = SpooledTemporaryFile(SPOOLED, "w+", encoding="utf-8", newline="")  # noqa: SIM115
    writer = csv.writer(file)
    whose = Whose(params)
    with ExitStack() as stack, snapshot(seconds=SECONDS):
        stack.callback(file.close)
        found = chosen.rows(params)
        stream = getattr(found, "iterator", None)
        writer.writerow([column.name for column in chosen.columns])
        for row in stream(chunk_size=2000) if stream else found:
            writer.writerow([_cell(column, row, params) for column in chosen.columns])
            whose.see(row)
        stack.pop_all()  # nothing failed: the response closes it
    return cast("IO[str]", file), whose


def _cell(column: Column, row: Row, params: ReportParameters) -> Any:
    """Returns a cell of the CSV file. A minus before a figure is not a formula; before text it may
    be one.
    """
    value = column.plain(row, params)
    return guarded(value) if isinstance(value, str) and not column.is_number else value


def _report_or_404(request: PersonRequest, slug: str) -> Report:
    chosen = BY_SLUG.get(slug)
    if chosen is None or not _is_for(request, chosen):
        raise Http404
    return chosen


def _is_for(request: PersonRequest, chosen: Report) -> bool:
    return not chosen.bank_only or may_read_bank(request.user)
