"""Staff actions on money in the API: refunds, holds, captures and releases, each with a reason. The
actions use the forms of the staff pages, which contain the rules. There is no review step.
"""

from typing import Any, ClassVar
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import Error
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.shown import opened_by_right
from api.caller import Caller, TokenScope
from api.fields import (
    AmountTextField,
    ReasonTextField,
    StrictSerializer,
    TextField,
    refuse_odd,
    refused,
    values_of,
)
from api.paging import known_only
from api.parameters import KEY
from api.problems import FieldRefused, NotYours, OutcomeOf
from api.sign_in import lacks_scope
from api.transactions.expansion import as_json
from api.transactions.keys import REPLAYED, payment_key
from api.transactions.payments import check_limits
from api.transactions.serializers import TransactionSerializer
from api.views import POSTED_ROWS, ApiView
from ledger.db.commits.confirmation import wait_until_confirmed
from ledger.text.lines import tidy_line
from transactions import staff_services
from transactions.exceptions import IdempotencyConflict, InvalidAmount, LedgerError
from transactions.lifecycle import lifecycle_of
from transactions.models import StaffReason, Transaction
from transactions.staff.desk.corrections import CaptureForm, RefundForm
from transactions.staff.desk.holds import HoldForm
from transactions.staff.desk.steps import StepForm, booked_before
from transactions.staff_actions import RELEASE

OTHER_REASON = "This Idempotency-Key was used with another reason or message. Use a new key."
RELEASED_OTHERWISE = (
    "You already released this hold with another reason or message. Nothing was changed."
)
RELEASE_AGAIN = (
    "It is not known whether it was released. Repeat the request; it is released only once."
)


class ReasonSerializer(StrictSerializer):
    """The reason of a staff action, and an optional message to the customer."""

    reason = ReasonTextField(max_length=500)
    message = TextField(max_length=500, required=False, allow_blank=True)


class RefundSerializer(ReasonSerializer):
    """A refund. If `amount` is missing, the whole amount that was not refunded yet is refunded."""

    amount = AmountTextField(max_length=60, required=False)


class CaptureSerializer(StrictSerializer):
    """A capture of a hold. If `amount` is missing, the whole hold is captured."""

    amount = AmountTextField(max_length=60, required=False)
    reason = ReasonTextField(max_length=500)


class HoldSerializer(StrictSerializer):
    """A hold on a customer's account. The hold ends at the end of a day."""

    from_number = TextField(max_length=40)
    to_number = TextField(max_length=40, required=False)
    amount = AmountTextField(max_length=60)
    description = TextField(max_length=500)
    until = serializers.DateField()
    reason = ReasonTextField(max_length=500)


class StaffVerb(ApiView):
    """The base class of views for staff actions. The body of the request contains the fields of a
    form of the staff pages. Needs the scopes pay and staff.
    """

    instead = POSTED_ROWS
    response_headers: ClassVar = {"POST": ["Location"]}
    form_class: ClassVar[type[StepForm]]
    body_class: ClassVar[type[StrictSerializer]]

    def book(self, request: Request, about: Transaction | None, fields: dict[str, str]) -> Response:
        """Books the transaction that the form describes, and returns the response. A repeated
        request with the same key books nothing.
        """
        may_use(self.caller, self.form_class.permission)
        id, key = payment_key(request, self.caller.person)
        try:
            booked = booked_before(self.caller.person, id, about)
            try:
                return self._answer(id, about, fields, booked)
            except (APIException, LedgerError):
                if booked is not None:
                    raise
                # Another request with this key may have booked the form in the meantime.
                if (booked := booked_before(self.caller.person, id, about)) is None:
                    raise
                return self._answer(id, about, fields, booked)
        except Error as error:
            raise OutcomeOf(id, key=key) from error

    def _answer(
        self,
        id: UUID,
        about: Transaction | None,
        fields: dict[str, str],
        booked: Transaction | None,
    ) -> Response:
        caller = self.caller
        if booked is None and (why := self.form_class.refusal(about, caller.person)):
            raise FieldRefused(why, "", slug="not-possible")
        data = {**fields, "id": str(id)}
        given: dict[str, Any] = {"about": about, "id": id, "was_booked": booked is not None}
        form = self._form(data, **given)
        if "amount" not in fields:
            data["amount"] = str(booked.amount if booked else form.fields["amount"].initial)
            form = self._form(data, **given)
        if not form.is_valid():
            if list(form.errors) == ["amount"]:
                raise InvalidAmount(" ".join(map(str, form.errors["amount"])))
            raise refused(form)
        if booked is None:
            self._check_token(form, about)
        else:
            _refuse_other_reason(booked.reasons.all(), fields)
        row = form.book()
        if booked is None:  # another request with this key may have booked the form in the meantime
            _refuse_other_reason(row.reasons.all(), fields)
        headers = {"Location": f"/api/v1/transactions/{row.pk}/"}
        if booked is not None:
            headers[REPLAYED] = "true"
        return Response(as_json([row], caller)[0], status=201, headers=headers)

    def _check_token(self, form: StepForm, about: Transaction | None) -> None:
        """Raises LimitExceeded if the amount is above the token's limit per payment, or in another
        currency.
        """
        amount = form.cleaned_data["amount"]
        currency = about.currency if about else form.cleaned_data["number"].currency
        check_limits(self.caller, currency, lambda most: amount > most)

    def row(self, pk: UUID) -> Transaction:
        """Returns the transaction that the action is about.

        Raises: NotYours or PermissionDenied if the caller may not do the action; Http404.
        """
        may_use(self.caller, self.form_class.permission)
        return any_row(self.caller, pk)

    def _form(self, data: Any, *, id: UUID, **options: Any) -> StepForm:
        return self.form_class(data, clerk=self.caller.person, transaction_id=id, **options)

    def given(self, request: Request) -> dict[str, Any]:
        """Returns the validated values of the request body."""
        known_only(request)
        found: dict[str, Any] = dict(values_of(self.body_class, request.data))
        if "amount" in found:
            refuse_odd(found["amount"])
        return found


class Refund(StaffVerb):
    """A refund of a transaction, in full or in part."""

    form_class, body_class = RefundForm, RefundSerializer

    @extend_schema(
        operation_id="transactions_refund", parameters=[KEY], request=RefundSerializer,
        responses={201: TransactionSerializer},
    )  # fmt: skip
    def post(self, request: Request, pk: UUID) -> Response:
        """Refunds a booked transaction, in full or in part."""
        return self.book(request, self.row(pk), self.given(request))


class Capture(StaffVerb):
    """The capture of a hold."""

    form_class, body_class = CaptureForm, CaptureSerializer

    @extend_schema(
        operation_id="transactions_capture", parameters=[KEY], request=CaptureSerializer,
        responses={201: TransactionSerializer},
    )  # fmt: skip
    def post(self, request: Request, pk: UUID) -> Response:
        """Captures a hold, in full or in part. The remaining money is released."""
        return self.book(request, self.row(pk), self.given(request))


class Hold(StaffVerb):
    """Holds on customers' accounts."""

    form_class, body_class = HoldForm, HoldSerializer

    @extend_schema(
        operation_id="transactions_hold", parameters=[KEY], request=HoldSerializer,
        responses={201: TransactionSerializer},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Reserves money on a customer's account until the end of a day."""
        found = self.given(request)
        fields = {name: found[name] for name in ("amount", "description", "reason")}
        fields |= {"number": found["from_number"], "payee": found.get("to_number", "")}
        return self.book(request, None, {**fields, "until": found["until"].isoformat()})


class Void(ApiView):
    """The release of a hold."""

    answers_earlier_rows = ("POST",)  # the response contains the hold
    instead = POSTED_ROWS
    response_headers: ClassVar = {"POST": ["Idempotency-Replayed"]}

    @extend_schema(
        operation_id="transactions_void", request=ReasonSerializer,
        responses={200: TransactionSerializer},
    )  # fmt: skip
    def post(self, request: Request, pk: UUID) -> Response:
        """Releases a hold, so that no payment is made. A repeated request returns the same
        response.
        """
        known_only(request)
        caller = self.caller
        may_use(caller, RELEASE.permission)
        row = any_row(caller, pk)
        given = values_of(ReasonSerializer, request.data)
        texts = {"reason": given["reason"], "message": given.get("message", "")}
        is_done = row.status == Transaction.Status.VOIDED
        if not is_done and (why := RELEASE.refusal(lifecycle_of(row), caller.person)):
            raise FieldRefused(why, "", slug="not-possible")
        try:
            is_new = staff_services.release(hold=row, written_by=caller.person, **texts)
            if not is_new:
                released = row.reasons.filter(action=StaffReason.Action.RELEASE)
                _refuse_other_reason(released, texts, RELEASED_OTHERWISE)
                wait_until_confirmed()
        except Error as error:
            raise OutcomeOf(row.pk, RELEASE_AGAIN) from error
        row.refresh_from_db(fields=["status"])
        headers = {} if is_new else {REPLAYED: "true"}
        return Response(as_json([row], caller)[0], headers=headers)


def _refuse_other_reason(
    reasons: QuerySet[StaffReason], fields: dict[str, str], refusal: str = OTHER_REASON
) -> None:
    """Raises IdempotencyConflict if the booked reason or its message differs from the request.
    Accepts every request if the reason was erased together with a person.
    """
    stored = reasons.first()
    if stored is None or not stored.reason:
        return
    given = tidy_line(fields["reason"]), tidy_line(fields.get("message", ""))
    if given != (stored.reason, stored.message):
        raise IdempotencyConflict(refusal)


def may_use(caller: Caller, permission: str) -> None:
    """Raises NotYours if the caller lacks the scope staff, or PermissionDenied if the user lacks
    the permission.
    """
    if not caller.may(TokenScope.STAFF):
        if caller.token is not None:
            raise lacks_scope(TokenScope.STAFF, "This token may not act for staff")
        raise NotYours("Only staff can do this.")
    if not caller.person.has_perm(permission):
        raise PermissionDenied("Your groups do not have this right.")
    opened_by_right()


def any_row(caller: Caller, pk: UUID) -> Transaction:
    """Returns any transaction of the bank, for actions of staff only.

    Raises: Http404; PermissionDenied if the caller may not see transactions.
    """
    if not caller.person.has_perm("transactions.view_transaction"):
        raise PermissionDenied("Your groups do not have this right.")
    rows = Transaction.objects.with_sides().select_related("captures", "reverses")
    row: Transaction | None = rows.filter(pk=pk).first()
    if row is None:
        raise Http404
    return row
