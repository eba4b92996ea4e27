"""Statements of an account as files: the statements that the bank has issued, and statements for
any other period.
"""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.accounts.views import OF_STATEMENT
from api.fields import ExactAmountField, InstantField, picked, refused, rows_of
from api.own_rows import own_account
from api.paging import known_only, page_by_number
from api.parameters import CURSOR, FIELDS, LIMIT
from api.renderers import STATEMENT_FILES
from api.views import ApiView
from banking.statement_files.chosen import ChosenEntries, file_of_choice
from banking.statement_files.files import check_page_of
from banking.statement_files.models import MonthlyStatement
from banking.statement_files.monthly import file_of_month, statement_of
from ledger.web.table_files import TYPES
from transactions.statements.file import table_file
from transactions.statements.forms import StatementForm

AS_TEXT = {"csv", "ofx", "qif", "sta"}


class MonthlyStatementSerializer(serializers.Serializer[MonthlyStatement]):
    """A statement that the bank has issued. Such a statement never changes."""

    number = serializers.IntegerField(help_text="Starts at 1, without gaps.")
    first_day = serializers.DateField()
    last_day = serializers.DateField()
    currency = serializers.CharField()
    opening = ExactAmountField(help_text="Balance before the first entry.")
    money_in = ExactAmountField()
    money_out = ExactAmountField()
    closing = ExactAmountField(help_text="Balance after the last entry.")
    entry_count = serializers.IntegerField()
    digest = serializers.CharField(
        source="hex_digest", help_text="SHA-256, as on the printed statement."
    )
    issued_at = InstantField()


class MonthlyStatementPageSerializer(serializers.Serializer[Any]):
    """A page of statements. The newest statement is first."""

    results = MonthlyStatementSerializer(many=True)
    next = serializers.URLField(
        allow_null=True, help_text="URL of the next page, with older items."
    )


def _responses() -> dict[tuple[int, str], Any]:
    """Returns the response schemas, one for each file format. The schema of JSON is an array with
    an object for each entry.
    """
    found: dict[tuple[int, str], Any] = {}
    for kind in STATEMENT_FILES:
        response_type: Any = OpenApiTypes.STR if kind.format in AS_TEXT else OpenApiTypes.BINARY
        if kind.format == "json":
            response_type = {
                "type": "array",
                "items": {"type": "object", "additionalProperties": True},
            }
        found[200, kind.media_type] = response_type
    return found


class StatementList(ApiView):
    """The numbered statements of an account that the bank has issued."""

    @extend_schema(
        operation_id="accounts_statements",
        parameters=[LIMIT, CURSOR, FIELDS],
        responses=MonthlyStatementPageSerializer,
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """Returns the statements that the bank has issued for past months. The newest statement is
        first.
        """
        known_only(request, "limit", "cursor")
        account = own_account(self.caller.person, pk)
        rows = MonthlyStatement.objects.of(account).select_related("account").defer("names")
        found, following = page_by_number(request, rows, "number")
        results = rows_of(MonthlyStatementSerializer, found)
        wanted = request.query_params.get("fields")
        return Response({"results": picked(results, wanted), "next": following})


class StatementFile(ApiView):
    """A statement that the bank has issued, as a file."""

    renderer_classes = STATEMENT_FILES

    @extend_schema(operation_id="accounts_statement_file", responses=_responses())
    def get(self, request: Request, pk: UUID, number: int) -> HttpResponseBase:
        """Returns a statement that the bank has issued, as a file. The parameter `format` or the
        header Accept selects the file format. The default is JSON.
        """
        known_only(request)
        statement = statement_of(self.caller.person, pk, number)
        if statement is None:
            raise Http404
        kind = request.accepted_renderer.format
        return file_of_month(statement, kind, check_page=check_page_of(request._request))


class ChosenStatement(ApiView):
    """A file with the entries of an account that match filters."""

    renderer_classes = STATEMENT_FILES

    @extend_schema(
        operation_id="accounts_statement", parameters=OF_STATEMENT, responses=_responses()
    )
    def get(self, request: Request, pk: UUID) -> HttpResponseBase:
        """Returns all entries that match the filters, as a file. The filters are the same as on the
        page of the statement. A PDF contains a digest, with which everybody can verify the file.
        """
        known_only(request, *(each.name for each in OF_STATEMENT))
        account = own_account(self.caller.person, pk)
        form = StatementForm(request.query_params.dict())
        if not form.is_valid():
            raise refused(form)
        kind = request.accepted_renderer.format
        if kind in TYPES:
            return table_file(account, form.filters, kind)
        choice = ChosenEntries.of(account, form.filters)
        return file_of_choice(choice, kind, check_page=check_page_of(request._request))
