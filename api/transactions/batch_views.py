"""`/api/v1/transactions/batch/`."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import Error
from django.http import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.exceptions import LedgerError
from accounts.sent_bytes import LINE, count_stored
from accounts.sign_in import step_up
from api.caller import Caller
from api.fields import StrictSerializer
from api.paging import known_only
from api.parameters import KEY, query
from api.parsing import MAX_BYTES, BatchJSONParser, NDJSONParser
from api.problems import OutcomeOf, body_of
from api.renderers import NDJSON, JSONRenderer, NDJSONRenderer
from api.transactions.batch import BatchLine, LineRefused, book_each, book_together, lines_of
from api.transactions.keys import REPLAYED, line_id
from api.transactions.serializers import NewTransactionSerializer
from api.views import POSTED_ROWS, ApiView
from ledger.web import outages
from ledger.web.uploads import reads_file
from transactions.models import Transaction
from transactions.safeguards.confirmation import ConfirmationNeeded, is_covered

CONFIRM = "Confirm that it is you before you send many payments, or send them with an access token."
SEND_LIST_AGAIN = (
    "It is not known whether all lines were booked, or none; id belongs to the first line. Repeat"
    " the list with the same Idempotency-Key until you get a response; each line is booked once."
)


class BatchSerializer(StrictSerializer):
    """A list of payments. If `atomic` is true, the list can contain up to 1,000 payments. Either
    all of them are booked, or none is booked. If `atomic` is false, the list can contain up to
    50,000 payments, which are booked separately.
    """

    transactions = NewTransactionSerializer(many=True)
    atomic = serializers.BooleanField(default=True)


class LineSerializer(serializers.Serializer[Any]):
    """The result of a line."""

    line = serializers.IntegerField(help_text="Starts at 1.")
    status = serializers.IntegerField(help_text="201 if booked, else the status of the problem.")
    id = serializers.UUIDField(required=False)
    problem = serializers.DictField(required=False)


class BatchResultSerializer(serializers.Serializer[Any]):
    """The results of all lines, in the same order as the lines."""

    booked = serializers.IntegerField()
    refused = serializers.IntegerField()
    results = LineSerializer(many=True)


@reads_file(MAX_BYTES)
class TransactionBatch(ApiView):
    """Many payments in one call."""

    instead = POSTED_ROWS
    parser_classes = [BatchJSONParser, NDJSONParser]
    renderer_classes = [JSONRenderer, NDJSONRenderer]

    @extend_schema(
        operation_id="transactions_batch",
        parameters=[
            KEY,
            query("atomic", "For NDJSON: all lines or none.", choices=["true", "false"]),
        ],
        request={"application/json": BatchSerializer, NDJSON: NewTransactionSerializer},
        responses={(200, NDJSON): LineSerializer, (201, "application/json"): BatchResultSerializer},
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Books many payments. If `atomic` is true (the default), the request can contain up to
        1,000 payments. Either all payments are booked, with the status 201, or none is booked. If
        `atomic` is false, the request can contain up to 50,000 payments, which are booked
        separately, and the status is 200. The response then contains a line of NDJSON for each
        payment. A line is sent when the result of its payment is final. The last line is `{"done":
        true}`. The request needs an Idempotency-Key. If the request is repeated with the same key,
        each payment is booked only once.
        """
        known_only(request, "atomic")
        given, is_atomic = _read(request)
        caller = self.caller
        if caller.token is None and not is_covered(step_up.fresh_until(request._request)):
            raise ConfirmationNeeded(CONFIRM)
        lines = lines_of(request, caller, given, is_atomic=is_atomic)
        count_stored(caller.person, LINE * len(lines))
        if not is_atomic:
            return StreamingHttpResponse(
                _streamed(request, caller, lines), content_type=NDJSON,
                headers={"Cache-Control": "no-store"},
            )  # fmt: skip
        after = line_id(request, caller.person, len(lines) + 1)
        first = line_id(request, caller.person, 1)
        try:
            rows, is_replayed = book_together(caller, lines, after=after)
        except Error as error:
            raise OutcomeOf(first, SEND_LIST_AGAIN) from error
        results = [_line_result(line, row) for line, row in zip(lines, rows, strict=True)]
        headers = {REPLAYED: "true"} if is_replayed else {}
        found = {"booked": len(rows), "refused": 0, "results": results}
        return Response(found, status=201, headers=headers)


def _read(request: Request) -> tuple[Any, bool]:
    """Returns two values: the payments in the request, and the value of `atomic`.

    Raises: ValidationError.
    """
    parameter = request.query_params.get("atomic", "")
    if parameter not in ("", "true", "false"):
        raise serializers.ValidationError({"atomic": ["Write true or false."]})
    data = request.data
    if isinstance(data, list):
        return data, parameter != "false"
    if not isinstance(data, dict) or set(data) - {"transactions", "atomic"}:
        raise serializers.ValidationError({"": ["Write an object with transactions and atomic."]})
    is_atomic = data.get("atomic", parameter != "false")
    if not isinstance(is_atomic, bool):
        raise serializers.ValidationError({"atomic": ["Write true or false."]})
    return data.get("transactions"), is_atomic


def _streamed(request: Request, caller: Caller, lines: Sequence[BatchLine]) -> Iterator[bytes]:
    booked = refused = 0
    try:
        for results in book_each(caller, lines):
            text = []
            for line, result in results:
                is_booked = isinstance(result, Transaction)
                booked, refused = booked + is_booked, refused + (not is_booked)
                text.append(json.dumps(_line_result(line, result)))
            yield ("\n".join(text) + "\n").encode()
    except Error as error:
        outages.log_failure(request._request, error)
        last = {"done": False, "status": 503, "booked": booked, "refused": refused}
    else:
        last = {"done": True, "status": 200, "booked": booked, "refused": refused}
    yield (json.dumps(last) + "\n").encode()


def _line_result(line: BatchLine, result: Transaction | LedgerError) -> dict[str, Any]:
    if isinstance(result, Transaction):
        return {"line": line.number, "status": 201, "id": str(result.pk)}
    if isinstance(result, LineRefused):
        result = result.refusal
    problem = body_of(result)
    return {"line": line.number, "status": problem["status"], "problem": problem}
