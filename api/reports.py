"""`/api/v1/reports/`: the reports of the pages as JSON and CSV. The parameters are the same as on
the pages.
"""

import json
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Account
from accounts.models.token_rights import SEE_NAMES
from api.caller import Caller, TokenScope
from api.fields import picked, refused, rows_of
from api.paging import known_only
from api.parameters import FIELDS, query
from api.problems import FieldRefused
from api.renderers import CSVRenderer, JSONRenderer
from api.sign_in import check_whose
from api.transactions.payments import NO_SUCH_ACCOUNT
from api.views import ApiView
from ledger.web.table_files import JSON, download
from transactions.reports.catalogue import BY_SLUG, REPORTS, report_or_404, reports_for
from transactions.reports.comparison import columns_of
from transactions.reports.file import report_lines
from transactions.reports.forms import ReportForm, either
from transactions.reports.report import DISPLAY, Report, ReportParameters
from transactions.scope import BANK, MINE, may_read_bank

NEEDS_NAMES = "For the whole bank, only users who may see names can use this."
KINDS = (
    (forms.ChoiceField, "choice"),
    (forms.DateField, "date"),
    (forms.DateTimeField, "time"),
    (forms.DecimalField, "number"),
)


def fields_of(report: Report) -> dict[str, forms.Field]:
    """Returns the parameters of a report as form fields, by name."""
    fields: dict[str, forms.Field] = dict(report.form.base_fields)
    if report.comparison is None:
        fields.pop("compare", None)
    return fields


def whose_of(report: Report) -> list[str]:
    """Returns the allowed values of the parameter `whose` for a report. There is one value for the
    user's own money, and one for the whole bank. Some reports are only about the whole bank.
    """
    return [BANK] if report.bank_only else [MINE, BANK]


def kind_of(field: forms.Field) -> str:
    """Returns the type of the values of a parameter: choice, date, time, number or text."""
    return next((kind for parent, kind in KINDS if isinstance(field, parent)), "text")


def choices_of(field: forms.Field) -> list[str]:
    """Returns the allowed values of a parameter, or an empty list if any value is allowed."""
    return [str(value) for value, _ in getattr(field, "choices", ()) if value]


def parameters_of_all() -> list[OpenApiParameter]:
    """Returns the parameters of all reports for the schema."""
    found: dict[str, OpenApiParameter] = {}
    for report in REPORTS:
        for name, field in fields_of(report).items():
            format = "date" if kind_of(field) == "date" else ""
            found.setdefault(name, query(name, _what(name, field), format))
    return list(found.values())


def _what(name: str, field: forms.Field) -> str:
    """Returns the description of a parameter: its label and its allowed values. If at most half of
    the reports have the parameter, the description also lists these reports.
    """
    users = [report.slug for report in REPORTS if name in fields_of(report)]
    of = "" if 2 * len(users) > len(REPORTS) else f" For {', '.join(users)}."
    choices = choices_of(field)
    return f"{field.label or name.capitalize()}{': ' if choices else ''}{', '.join(choices)}.{of}"


class ReportParameterSerializer(serializers.Serializer[Any]):
    """An optional parameter of a report."""

    name = serializers.CharField()
    title = serializers.CharField(help_text="Its label on the page.")
    kind = serializers.ChoiceField(["choice", "date", "number", "text", "time"])
    choices = serializers.ListField(
        child=serializers.CharField(),
        help_text="Empty if other values are allowed; a currency is a currency of the accounts.",
    )


class ReportColumnSerializer(serializers.Serializer[Any]):
    """A column of a report. `name` is the name of its values in each row."""

    name = serializers.CharField()
    title = serializers.CharField(source="label", help_text="Its heading on the page.")
    kind = serializers.ChoiceField(
        sorted(DISPLAY), help_text="Money, change, percent, growth and score are strings."
    )


class ReportSummarySerializer(serializers.Serializer[Any]):
    """A report that the caller may read."""

    slug = serializers.CharField()
    title = serializers.CharField()
    question = serializers.CharField(help_text="The question that the report answers.")
    parameters = ReportParameterSerializer(many=True)
    columns = ReportColumnSerializer(many=True)


class ReportListSerializer(serializers.Serializer[Any]):
    """The reports, in the same order as on the page."""

    results = ReportSummarySerializer(many=True)


class ReportSerializer(serializers.Serializer[Any]):
    """A report with all its rows."""

    slug = serializers.CharField()
    title = serializers.CharField()
    parameters = serializers.DictField(
        child=serializers.CharField(), help_text="The parameters that were used, with defaults."
    )
    columns = ReportColumnSerializer(many=True)
    results = serializers.ListField(
        child=serializers.DictField(), help_text="Each row has a value, or null, for each column."
    )


class ReportList(ApiView):
    """The reports that the caller may read."""

    scopes = {"GET": None}  # needs one of the scopes read, report or staff

    @extend_schema(operation_id="reports_list", parameters=[FIELDS], responses=ReportListSerializer)
    def get(self, request: Request) -> Response:
        """Returns the reports that the caller may read, with their parameters and columns. The list
        is empty for users who have no account and may not read the bank.
        """
        known_only(request)
        caller = self.caller
        if not caller.reads_bank:
            check_whose(caller, MINE)
        found = [_summary(report, caller) for report in _reports_of(caller)]
        rows = rows_of(ReportSummarySerializer, found)
        return Response({"results": picked(rows, request.query_params.get("fields"))})


class ReportDetail(ApiView):
    """A report with all its rows."""

    scopes = {"GET": None}  # depends on `whose`: read, or one of report and staff
    renderer_classes = [JSONRenderer, CSVRenderer]

    @extend_schema(
        operation_id="reports_read",
        parameters=[
            OpenApiParameter("slug", str, OpenApiParameter.PATH, enum=list(BY_SLUG)),
            FIELDS, *parameters_of_all(),
        ],
        responses={(200, "application/json"): ReportSerializer, (200, "text/csv"): str},
    )  # fmt: skip
    def get(self, request: Request, slug: str) -> HttpResponseBase:
        """Returns all rows of a report, as JSON or CSV. The parameters are the same as on the page.
        A report about the caller's own money needs the scope read. A report about the whole bank
        needs the scope report or staff, and the caller must have the right to read the bank.
        Without `whose`, callers who may read the bank get a report about the whole bank. Each user
        can make one request at a time.
        """
        report = report_or_404(self.caller.person, slug)
        form = self._form(request, report)
        params = ReportParameters(form.scope, form.params, form.compares_with)
        columns = rows_of(ReportColumnSerializer, columns_of(report, params))
        names = {column["name"]: None for column in columns}
        only = list(picked(names, request.query_params.get("fields")))
        kind = request.accepted_renderer.format
        within = ("", "")
        if kind == JSON:
            facts = {
                "slug": report.slug,
                "title": report.title,
                "parameters": _used(form),
                "columns": [column for column in columns if column["name"] in only],
            }
            within = f'{json.dumps(facts)[:-1]}, "results": ', "}"
        return download(report_lines(report, params, kind, only, within), report.slug, kind)

    def _form(self, request: Request, report: Report) -> ReportForm:
        """Returns the valid form with the query parameters.

        Raises: ValidationError, FieldRefused.
        """
        given = request.query_params.dict()
        given["whose"] = self._whose(given.get("whose", ""), report)
        form = report.bind_form(given, self.caller.person)
        if left_out := sorted(given.keys() & fields_of(report).keys() - form.fields.keys()):
            raise ValidationError({name: [NEEDS_NAMES] for name in left_out})
        known_only(request, *form.fields)
        if not form.has_money:
            raise FieldRefused("There is no account yet.", "", slug=NO_SUCH_ACCOUNT)
        if not form.is_valid():
            raise refused(form)
        return form

    def _whose(self, whose: str, report: Report) -> str:
        """Returns the scope of the report: the caller's own money or the whole bank. The default is
        the default of the page.

        Raises: ValidationError; NotYours or PermissionDenied if the caller may not use this scope.
        """
        caller, offered = self.caller, whose_of(report)
        if whose and whose not in offered:
            raise ValidationError({"whose": [f"Choose {either(offered)}."]})
        usual = BANK if report.bank_only or caller.reads_bank else MINE
        check_whose(caller, whose or usual)
        if whose == BANK and not may_read_bank(caller.person):
            raise PermissionDenied("Only analysts and staff read the figures of the whole bank.")
        return whose or usual


def _reports_of(caller: Caller) -> list[Report]:
    """Returns the reports that the caller may read, in the order of the page."""
    every = [report for group in reports_for(caller.person) for report in group.reports]
    if caller.reads_bank:
        return every
    if not Account.objects.owned_by(caller.person).exists():
        return []
    return [report for report in every if not report.bank_only]


def _summary(report: Report, caller: Caller) -> dict[str, Any]:
    offered = [whose for whose in whose_of(report) if whose == MINE or caller.reads_bank]
    if not caller.may(TokenScope.READ):
        offered = [BANK]
    sees_all = MINE in offered or caller.person.has_perm(SEE_NAMES)
    parameters = [
        {
            "name": name, "title": field.label or name.capitalize(), "kind": kind_of(field),
            "choices": offered if name == "whose" else choices_of(field),
        }
        for name, field in fields_of(report).items()
        if sees_all or name not in report.form.needs_names
    ]  # fmt: skip
    return {
        "slug": report.slug, "title": report.title, "question": report.question,
        "parameters": parameters, "columns": report.columns,
    }  # fmt: skip


def _used(form: ReportForm) -> dict[str, str]:
    """Returns the parameters that are not empty. The values are texts."""
    values = {name: form[name].value() for name in form.fields}
    return {name: str(value) for name, value in values.items() if value not in (None, "")}
