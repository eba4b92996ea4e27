"""`/api/v1/payment-files/`: many payments from a CSV file. The steps are the same as on the pages:
upload, check, pay, remove, and read the result of each line. Files that the bank has uploaded are
read-only.
"""

import io
from typing import IO, Any, ClassVar
from uuid import UUID

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import Error
from django.http import Http404, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.exceptions import AccessEnded
from accounts.sign_in import step_up
from api.caller import Caller
from api.fields import (
    ExactAmountField,
    InstantField,
    StrictSerializer,
    TextField,
    picked,
    refused,
    row_of,
    rows_of,
    values_of,
)
from api.paging import known_only, page_of
from api.parameters import CURSOR, FIELDS, KEY, LIMIT, query
from api.parsing import StrictJSONParser
from api.problems import FieldRefused, OutcomeOf
from api.renderers import CSVRenderer, JSONRenderer
from api.transactions.keys import REPLAYED, key_as_uuid
from api.transactions.payments import check_limits, limit_of_day
from api.views import ApiView
from banking.payment_files.booking import (
    BookingRequest,
    CheckedAnew,
    FileLimit,
    NotChecked,
    agreed_to,
    book_step,
    book_whole,
)
from banking.payment_files.confirming import limit_unconfirmed
from banking.payment_files.forms import PaymentFileForm
from banking.payment_files.models import PaymentFile, PaymentLine
from banking.payment_files.parser import MAX_BYTES, UnreadableFile
from banking.payment_files.preview import check
from banking.payment_files.results import result_response
from banking.payment_files.storage import FileRemoved, discard, store
from banking.payment_files.views import FROM_BANK
from ledger.db.ids import uuid7_for
from ledger.web.uploads import reads_file
from transactions.exceptions import IdempotencyConflict, LedgerError, TooManyTogether
from transactions.safeguards.confirmation import ConfirmationNeeded

State = PaymentFile.State
PARTLY_PAID = "Part of this file was paid, so it cannot be removed."
PAY_FILE_AGAIN = (
    "It is not known whether it was paid. Repeat the same request until you get a response; no"
    " line is paid twice."
)
OTHER_FILE = "This key was used for another file. Nothing was stored."
CSV_TYPE = "text/csv"
# Refusals that are not about the lines. After another refusal, the lines are checked again.
UNCHECKED = (
    AccessEnded, FileRemoved, CheckedAnew, NotChecked, TooManyTogether, ConfirmationNeeded,
)  # fmt: skip


class CSVParser(BaseParser):
    """A parser that returns the bytes of a CSV file."""

    media_type = CSV_TYPE

    def parse(self, stream: IO[bytes], *_arguments: Any, **_options: Any) -> Any:
        """Returns the bytes as a file object. A body that is too large is cut one byte above the
        limit, so that `banking.payment_files.parser` refuses the file because of its size.
        """
        return io.BytesIO(stream.read(MAX_BYTES + 1))


class PaymentFileSerializer(serializers.Serializer[PaymentFile]):
    """A payment file, with the amounts that were paid so far."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    from_account = serializers.UUIDField(source="from_account_id")
    currency = serializers.CharField()
    state = serializers.ChoiceField(State.choices)
    is_from_bank = serializers.BooleanField(
        help_text="If true, only the bank can pay or remove it."
    )
    line_count = serializers.IntegerField()
    total = ExactAmountField(help_text="Sum of all readable amounts.")
    waiting_count = serializers.IntegerField(help_text="Payable lines that are not paid yet.")
    waiting_total = ExactAmountField()
    booked_count = serializers.IntegerField()
    booked_total = ExactAmountField()
    refused_count = serializers.IntegerField()
    refused_total = ExactAmountField()
    repeated_count = serializers.IntegerField(help_text="Waiting lines that repeat another.")
    misnamed_count = serializers.IntegerField(help_text="Waiting lines with another name.")
    created_at = InstantField()
    finished_at = InstantField(allow_null=True)


class PaymentFileDetailSerializer(PaymentFileSerializer):
    """A payment file, with the value `agreed`, which a request to pay the file must contain."""

    agreed = serializers.SerializerMethodField(
        help_text="Identifies the lines that can be paid now; empty unless the file is checked."
    )

    def get_agreed(self, file: PaymentFile) -> str:
        """Returns a value that identifies the lines that can be paid now. The page of the file
        sends the same value. Returns "" if the lines are not checked.
        """
        return agreed_to(file) if file.state == State.CHECKED else ""


class PaymentFilePageSerializer(serializers.Serializer[Any]):
    """A page of payment files. The newest file is first."""

    results = PaymentFileSerializer(many=True)
    next = serializers.URLField(
        allow_null=True, help_text="URL of the next page, with older items."
    )


class PaymentLineSerializer(serializers.Serializer[Any]):
    """A line of a payment file with its result. The page of the file offers a download with the
    same columns.
    """

    line = serializers.IntegerField(help_text="Row of the file; the heading is row 1.")
    to = serializers.CharField()
    name = serializers.CharField()
    amount = serializers.CharField(help_text="As entered if it is not an amount.")
    currency = serializers.CharField()
    description = serializers.CharField()
    reference = serializers.CharField()
    result = serializers.CharField(help_text="paid, refused, can be paid, not checked yet")
    why = serializers.CharField(allow_null=True)
    note = serializers.CharField(allow_null=True)
    transaction = serializers.UUIDField(allow_null=True)


class PayFileSerializer(StrictSerializer):
    """The body of a request to pay a payment file. `agreed` is the value of the field `agreed` in
    the response for this file, and identifies the lines to pay. If `whole` is true, either all
    lines are paid or no line is paid.
    """

    agreed = TextField(max_length=200, allow_blank=True)
    whole = serializers.BooleanField(default=True)


@reads_file(MAX_BYTES)
class PaymentFileList(ApiView):
    """The caller's payment files, and uploads of new files."""

    answers_earlier_rows = ("POST",)  # the checks of the lines depend on balances and payments
    parser_classes = [CSVParser]
    response_headers: ClassVar = {"POST": ["Location"]}

    @extend_schema(
        operation_id="payment_files_list",
        parameters=[LIMIT, CURSOR, FIELDS],
        responses=PaymentFilePageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Returns all files that pay from an account of the caller. The newest file is first."""
        known_only(request, "limit", "cursor")
        files = PaymentFile.objects.visible_to(self.caller.person).with_account()
        found, following = page_of(request, files)
        results = picked(rows_of(PaymentFileSerializer, found), request.query_params.get("fields"))
        return Response({"results": results, "next": following})

    @extend_schema(
        operation_id="payment_files_upload",
        parameters=[
            KEY,
            OpenApiParameter(
                "from_account", OpenApiTypes.UUID, OpenApiParameter.QUERY, required=True,
                description="The account that pays.",
            ),
            query("name", "Name of the file; default: payments.csv."),
        ],
        request={CSV_TYPE: OpenApiTypes.STR},
        responses={201: PaymentFileDetailSerializer},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Stores a CSV file and checks each line like a payment. No line is paid. If the request is
        repeated with the same Idempotency-Key, it returns the same file.
        """
        known_only(request, "from_account", "name")
        person, params = self.caller.person, request.query_params
        id = uuid7_for(person.pk, key_as_uuid(request, person))
        body = request.data.read() if isinstance(request.data, io.BytesIO) else b""
        upload = SimpleUploadedFile(params.get("name") or "payments.csv", body, CSV_TYPE)
        facts = {"id": str(id), "from_account": params.get("from_account", "")}
        form = PaymentFileForm(facts, {"file": upload}, user=person)
        if not form.is_valid():
            raise refused(form)
        sent = {"name": upload.name or "", "from_account": form.cleaned_data["from_account"]}
        is_known = PaymentFile.objects.filter(pk=id).exists()
        try:
            file = store(io.BytesIO(body), created_by=person, id=id, **sent)
        except UnreadableFile as why:
            raise ValidationError({"file": [str(why)]}) from None
        if file.pk != id:
            discard(file)
            raise IdempotencyConflict(OTHER_FILE)
        if file.state == State.STORED:
            file = check(file)
        headers = {"Location": f"{request.path}{file.pk}/"}
        if is_known:
            headers[REPLAYED] = "true"
        return Response(row_of(PaymentFileDetailSerializer, file), status=201, headers=headers)


class PaymentFileDetail(ApiView):
    """A payment file of the caller."""

    @extend_schema(
        operation_id="payment_files_read",
        parameters=[FIELDS],
        responses=PaymentFileDetailSerializer,
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """Returns a payment file with the number and sum of its lines by state."""
        known_only(request)
        found = row_of(PaymentFileDetailSerializer, own_file(self.caller, pk))
        return Response(picked(found, request.query_params.get("fields")))

    @extend_schema(operation_id="payment_files_remove", request=None, responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Removes a file if no line of it was paid. Needs the scope pay."""
        known_only(request)
        if not discard(changeable_file(self.caller, pk)):
            raise FieldRefused(PARTLY_PAID, "", slug="not-possible")
        return Response(status=204)


class PaymentFileLines(ApiView):
    """The lines of a payment file."""

    renderer_classes = [JSONRenderer, CSVRenderer]

    @extend_schema(
        operation_id="payment_files_lines",
        responses={
            (200, "application/json"): PaymentLineSerializer(many=True),
            (200, CSV_TYPE): OpenApiTypes.STR,
        },
    )
    def get(self, request: Request, pk: UUID) -> HttpResponseBase:
        """Returns all lines with their results, as JSON or CSV. The lines are in the order of the
        file.
        """
        known_only(request)
        return result_response(own_file(self.caller, pk), request.accepted_renderer.format)


class PaymentFilePay(ApiView):
    """The payment of a file."""

    answers_earlier_rows = ("POST",)
    parser_classes = [StrictJSONParser]

    @extend_schema(
        operation_id="payment_files_pay",
        request=PayFileSerializer,
        responses=PaymentFileDetailSerializer,
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Pays the lines that `agreed` identifies. If `whole` is true (the default), either all
        lines are paid or no line is paid. The file can then have up to 1,000 lines. If `whole` is
        false, the request pays the next 1,000 payable lines. Then repeat the request until `state`
        is done. A repeated request never pays a line twice.
        """
        known_only(request)
        file = changeable_file(self.caller, pk)
        given = values_of(PayFileSerializer, request.data)
        book = book_whole if given["whole"] else book_step
        try:
            file = book(file, **self._booking(request, file, given["agreed"]))
        except Error as error:
            raise OutcomeOf(file.pk, PAY_FILE_AGAIN) from error
        except UNCHECKED:
            raise
        except LedgerError:
            check(file)  # checked again, so that the lines show the reason, as on the page
            raise
        return Response(row_of(PaymentFileDetailSerializer, file))

    def _booking(self, request: Request, file: PaymentFile, agreed: str) -> BookingRequest:
        """Returns the arguments for booking. `within` is the daily limit of the caller's token.
        In a browser session, it is the same limit as on the web page of the payment file.

        Raises: see `_limits`.
        """
        caller = self.caller
        return {
            "by": caller.person, "agreed": agreed, "within": _limits(request, caller, file),
            "refuse_if_ended": caller.refuse_if_ended,
        }  # fmt: skip


def _limits(request: Request, caller: Caller, file: PaymentFile) -> FileLimit | None:
    """Returns the limit for the payments of this file, or None.

    Raises: LimitExceeded if a limit of the token refuses a line; ConfirmationNeeded if the session
    needs a step-up.
    """
    if caller.token is None:
        covered = step_up.fresh_until(request._request)
        return limit_unconfirmed(file, caller.person, covered_until=covered)
    waiting = PaymentLine.objects.of(file).waiting()
    check_limits(caller, file.currency, lambda most: waiting.filter(amount__gt=most).exists())
    limit = limit_of_day(caller, file.currency)
    return None if limit is None else FileLimit(limit)


def own_file(caller: Caller, pk: UUID) -> PaymentFile:
    """Returns the payment file if it pays from an account of the caller.

    Raises: Http404.
    """
    files = PaymentFile.objects.visible_to(caller.person).with_account()
    file: PaymentFile | None = files.filter(pk=pk).first()
    if file is None:
        raise Http404
    return file


def changeable_file(caller: Caller, pk: UUID) -> PaymentFile:
    """Returns the payment file if it pays from an account of the caller.

    Raises: Http404; FieldRefused if the bank has uploaded the file.
    """
    file = own_file(caller, pk)
    if file.is_from_bank:
        raise FieldRefused(FROM_BANK, "", slug="not-possible")
    return file
