"""Views that save and remove a reader's saved reports."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import Group
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts.models import User
from accounts.requests import PersonRequest
from ledger.web.form_fields import ReadableNameField
from transactions.exceptions import LedgerError
from transactions.models import SavedReport
from transactions.models.saved_report import NAME_LIMIT
from transactions.reports.catalogue import report_or_404
from transactions.reports.report import Report
from transactions.reports.saved import remove_report, save_report


class SaveReportForm(forms.Form):
    """A form with the name of a saved report, and the group with which the report is shared. The
    reader can choose only groups to which the reader belongs.
    """

    name = ReadableNameField(label="Name", max_length=NAME_LIMIT)
    group = forms.ModelChoiceField(
        label="Share with", queryset=Group.objects.none(), required=False, empty_label="nobody"
    )

    def __init__(self, data: Any = None, *, reader: User) -> None:
        super().__init__(data)
        groups = reader.groups.order_by("name")
        self.fields["group"].queryset = groups  # type: ignore[attr-defined]


@require_POST
def save(request: PersonRequest, slug: str) -> HttpResponse:
    """Saves a report with the parameters in the URL, and redirects to the list of reports."""
    report = report_or_404(request.user, slug)
    form, parameters = (
        SaveReportForm(request.POST, reader=request.user),
        _parameters(request, report),
    )
    report_form = report.bind_form(parameters, request.user)
    if not (form.is_valid() and report_form.is_valid()):
        every = [*form.errors.values(), *report_form.errors.values()]
        messages.error(request, " ".join(str(error) for errors in every for error in errors))
        return redirect(report.url)
    try:
        saved = save_report(
            owner=request.user, report=report, parameters=parameters, **form.cleaned_data
        )
    except LedgerError as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"Saved as “{saved.name}”.")
    return redirect("transactions:reports")


@require_POST
def remove(request: PersonRequest, pk: Any) -> HttpResponse:
    """Removes a saved report of the reader, and redirects to the list of reports."""
    saved = get_object_or_404(SavedReport, pk=pk, owner=request.user)
    remove_report(saved=saved)
    messages.success(request, f"“{saved.name}” is removed.")
    return redirect("transactions:reports")


def _parameters(request: PersonRequest, report: Report) -> dict[str, str]:
    """Returns the report's parameters in the URL. Parameters that are missing in the URL are not
    stored, so that they have their default when the report is opened. For example, a default period
    ends on the day on which the report is opened.
    """
    names = report.bind_form({}, request.user).fields
    given = {name: request.GET.get(name, "") for name in names}
    return {name: value for name, value in given.items() if value}
