"""`/api/v1/standing-orders/`: the caller's standing orders, which are payments on future days."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django.db import Error
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Account
from accounts.numbers import clean_account_number
from accounts.sign_in import step_up
from api.caller import Caller
from api.fields import (
    AmountTextField,
    ExactAmountField,
    InstantField,
    StrictSerializer,
    TextField,
    picked,
    refuse_odd,
    row_of,
    rows_of,
    values_of,
)
from api.paging import known_only, page_of
from api.parameters import CURSOR, FIELDS, KEY_OF_ORDER, LIMIT
from api.problems import FieldRefused, OutcomeOf
from api.transactions.keys import REPLAYED, key_as_uuid
from api.transactions.payments import NO_SUCH_ACCOUNT, NOT_YOURS, check_limits
from api.views import ApiView
from banking.standing_orders import services
from banking.standing_orders.forms import (
    WHY_PROOF,
    StandingOrderForm,
    order_id_for,
)
from banking.standing_orders.models import MAX_TIMES, Every, Occurrence, StandingOrder
from banking.standing_orders.reads import names_of, order_page, own_order
from ledger.db.commits.confirmation import wait_until_confirmed
from ledger.db.rights.row_security import RowScope, reading
from ledger.text.lines import tidy_line
from transactions.exceptions import (
    IdempotencyConflict,
    InvalidAmount,
    LimitExceeded,
)
from transactions.models.transaction import DESCRIPTION_LIMIT, REFERENCE_LIMIT
from transactions.safeguards.confirmation import ConfirmationNeeded, is_covered
from transactions.safeguards.quota import NUMBERS_ASKED
from transactions.safeguards.recipients import CANNOT_RECEIVE, RECIPIENT_REFUSED

OTHER_ORDER = (
    "This key was used for another standing order, or the order has changed since. None was set up."
)
NO_LIMIT_OF_DAY = (
    "This token has a daily limit, which cannot be applied to standing orders. Use a token without"
    " a daily limit, or the website."
)
SET_UP_AGAIN = (
    "It is not known whether it was set up. Repeat the request with the same Idempotency-Key, or"
    " read this id; it is set up only once."
)
CHANGE_AGAIN = "It is not known whether it was done. Repeat the request, or read the order first."
FIELD_NAMES = {"number": "to_number"}  # from the names of the page's form to the names of the API
OUTCOMES = Occurrence.DayOutcome.choices


@dataclass(frozen=True, slots=True)
class NamedOrder:
    """A standing order, with the name of its recipient as the caller may see it."""

    order: StandingOrder
    recipient: str

    @property
    def currency(self) -> str:
        return self.order.currency

    @property
    def next_on(self) -> date | None:
        """The day of the next payment, or None if the order is not active."""
        return self.order.next_on if self.order.is_active else None


class StandingOrderSerializer(serializers.Serializer[NamedOrder]):
    """A standing order: one payment or regular payments to the same account."""

    id = serializers.UUIDField(source="order.pk")
    status = serializers.ChoiceField(StandingOrder.Status.choices, source="order.status")
    from_account = serializers.UUIDField(source="order.from_account_id")
    to_number = serializers.CharField(source="order.to_account.number")
    recipient = serializers.CharField(help_text="Masked for a stranger.")
    amount = ExactAmountField(source="order.amount", help_text="Amount from the next payment on.")
    currency = serializers.CharField()
    description = serializers.CharField(source="order.description")
    reference = serializers.CharField(source="order.reference")
    every = serializers.ChoiceField(Every.choices, source="order.every")
    first_on = serializers.DateField(source="order.first_on")
    last_on = serializers.DateField(source="order.last_on", allow_null=True)
    times = serializers.IntegerField(
        source="order.times",
        allow_null=True,
        help_text="Number of due days in all, including refused and skipped days.",
    )
    settled = serializers.IntegerField(
        source="order.position", help_text="Number of days that were paid, refused or skipped."
    )
    next_on = serializers.DateField(allow_null=True)
    refused_at = InstantField(
        source="order.refused_at", allow_null=True, help_text="When the next payment was refused."
    )
    refused_why = serializers.CharField(source="order.refused_why")
    ended_why = serializers.CharField(source="order.ended_why")
    created_at = InstantField(source="order.created_at")


class OrderDaySerializer(serializers.Serializer[Occurrence]):
    """The result of a day of a standing order."""

    due_on = serializers.DateField()
    outcome = serializers.ChoiceField(OUTCOMES)
    transaction = serializers.UUIDField(source="transaction_id", allow_null=True)
    reason = serializers.CharField()


class StandingOrderDetailSerializer(StandingOrderSerializer):
    """A standing order with its next days, and the results of its latest days."""

    next_days = serializers.ListField(child=serializers.DateField())
    days = OrderDaySerializer(many=True)


class StandingOrderPageSerializer(serializers.Serializer[Any]):
    """A page of standing orders. The newest order is first."""

    results = StandingOrderSerializer(many=True)
    next = serializers.URLField(
        allow_null=True, help_text="URL of the next page, with older items."
    )


class NewStandingOrderSerializer(StrictSerializer):
    """A new standing order. If `last_on` and `times` are missing, the order continues until it is
    ended.
    """

    from_account = serializers.UUIDField()
    to_number = TextField(max_length=40)
    amount = AmountTextField(max_length=60)
    every = serializers.ChoiceField(Every.choices)
    first_on = serializers.DateField()
    last_on = serializers.DateField(required=False, allow_null=True)
    times = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MAX_TIMES
    )
    description = TextField(max_length=DESCRIPTION_LIMIT, required=False, allow_blank=True)
    reference = TextField(max_length=REFERENCE_LIMIT, required=False, allow_blank=True)


class OrderAmountSerializer(StrictSerializer):
    """The new amount of a standing order."""

    amount = AmountTextField(max_length=60)


class OrderSkipSerializer(StrictSerializer):
    """The day to skip. This must be the day of the next payment."""

    day = serializers.DateField()


class NothingSerializer(StrictSerializer):
    """An empty object."""


class StandingOrderList(ApiView):
    """The caller's standing orders."""

    response_headers: ClassVar = {"POST": ["Location"]}

    @extend_schema(
        operation_id="standing_orders_list",
        parameters=[LIMIT, CURSOR, FIELDS],
        responses=StandingOrderPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Returns all standing orders of the caller, including ended orders. The newest order is
        first.
        """
        known_only(request, "limit", "cursor")
        person = self.caller.person
        with reading(RowScope.DIRECTORY):
            mine = StandingOrder.objects.owned_by(person).with_accounts()
            orders, following = page_of(request, mine)
        results = rows_of(StandingOrderSerializer, _named(self.caller, orders))
        wanted = request.query_params.get("fields")
        return Response({"results": picked(results, wanted), "next": following})

    @extend_schema(
        operation_id="standing_orders_set_up",
        parameters=[KEY_OF_ORDER],
        request=NewStandingOrderSerializer,
        responses={201: StandingOrderDetailSerializer},
    )
    def post(self, request: Request) -> Response:
        """Sets up a standing order. Needs the scope pay. If the request is repeated with the same
        Idempotency-Key, the order is set up only once. The caller's daily limits on numbers that
        cannot be paid also apply to this request.
        """
        known_only(request)
        caller = self.caller
        given = dict(values_of(NewStandingOrderSerializer, request.data))
        refuse_odd(given["amount"])
        key = key_as_uuid(request, caller.person)
        id = order_id_for(caller.person, key)
        try:
            if before := own_order(caller.person, id):
                _refuse_other(before, given)
                wait_until_confirmed()
                return self._created(request, before, {REPLAYED: "true"})
            form = _form(caller, given, key)
            _check_caller(
                caller, request, form.cleaned_data["from_account"], given["amount"],
                is_own=form.is_between_own,
            )  # fmt: skip
            order = _set_up(form)
            _refuse_other(own_order(caller.person, id) or order, given)
        except Error as error:
            raise OutcomeOf(id, SET_UP_AGAIN) from error
        return self._created(request, order, {})

    def _created(self, request: Request, order: StandingOrder, headers: dict[str, str]) -> Response:
        headers["Location"] = f"{request.path}{order.pk}/"
        return Response(_detail(self.caller, order.pk), status=201, headers=headers)


def _form(caller: Caller, given: dict[str, Any], key: UUID) -> StandingOrderForm:
    """Returns the valid form of the page with the values of the request.

    Raises: FieldRefused, InvalidAmount or ValidationError, with the names of the API's fields.
    """
    data = {name: "" if value is None else str(value) for name, value in given.items()}
    data |= {"id": str(key), "number": data.pop("to_number")}
    form = StandingOrderForm(data, user=caller.person)
    if not form.is_valid():
        if "from_account" in form.errors:
            raise FieldRefused(NOT_YOURS, "from_account", slug=NO_SUCH_ACCOUNT)
        if list(form.errors) == ["amount"]:
            raise InvalidAmount(" ".join(map(str, form.errors["amount"])))
        raise ValidationError(
            {
                FIELD_NAMES.get(name, name): [str(error) for error in errors]
                for name, errors in form.errors.items()
            }
        )
    if form.refuse_unknown():
        why = " ".join(map(str, form.errors["number"]))
        slug = "too-many-numbers" if why == NUMBERS_ASKED else NO_SUCH_ACCOUNT
        raise FieldRefused(why, "to_number", slug=slug)
    return form


def _set_up(form: StandingOrderForm) -> StandingOrder:
    """Sets up the order and returns it. If another user's account is the reason for a refusal,
    raises the refusal with the message of the page, which reveals nothing else about this account.
    """
    try:
        return services.set_up(form.order_draft)
    except RECIPIENT_REFUSED as refusal:
        if form.is_between_own:
            raise
        raise type(refusal)(CANNOT_RECEIVE) from None


def _refuse_other(order: StandingOrder, given: dict[str, Any]) -> None:
    """Raises IdempotencyConflict if the stored order differs from the request."""
    try:
        number: str | None = clean_account_number(given["to_number"])
    except ValueError:
        number = None
    requested = (
        given["from_account"], number, Decimal(given["amount"]), given["every"], given["first_on"],
        given.get("last_on"), services.times_of(given["every"], given.get("times")),
        tidy_line(given.get("description", "")), tidy_line(given.get("reference", "")),
    )  # fmt: skip
    stored = (
        order.from_account_id, order.to_account.number, order.amount, order.every, order.first_on,
        order.last_on, order.times, order.description, order.reference,
    )  # fmt: skip
    if requested != stored:
        raise IdempotencyConflict(OTHER_ORDER)


def _check_caller(
    caller: Caller, request: Request, sender: Account, amount: str, *, is_own: bool
) -> None:
    """Checks whether the caller may set up a standing order of `amount` from `sender`.

    Raises: LimitExceeded if the account has another currency than the token, if the amount exceeds
    the token's limit per payment, or if the order pays another user and the token has a daily
    limit, because a daily limit cannot apply to future payments. ConfirmationNeeded if a session
    needs a step-up: see Note [Proof for a series].
    """
    if caller.token is None:
        if not is_own and not is_covered(step_up.fresh_until(request._request)):
            raise ConfirmationNeeded(WHY_PROOF)
        return
    check_limits(caller, sender.currency, lambda most: Decimal(amount) > most)
    if not is_own and caller.token.per_day_in(sender.currency) is not None:
        raise LimitExceeded(NO_LIMIT_OF_DAY)


def _is_own(caller: Caller, order: StandingOrder) -> bool:
    """Returns whether the recipient's account belongs to the caller."""
    return order.to_account.user_id == caller.person.pk


class StandingOrderDetail(ApiView):
    """A standing order of the caller."""

    @extend_schema(
        operation_id="standing_orders_read",
        parameters=[FIELDS],
        responses=StandingOrderDetailSerializer,
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """Returns a standing order with its next days, and the results of its latest days."""
        known_only(request)
        found = _detail(self.caller, pk)
        return Response(picked(found, request.query_params.get("fields")))


class OrderVerb(ApiView):
    """A view that changes a standing order. Needs the scopes pay and read."""

    answers_earlier_rows = ("POST",)

    def change(self, pk: UUID, change: Callable[[StandingOrder], object]) -> Response:
        """Calls `change` with the order, and returns the response with the changed order."""
        order = _own(self.caller, pk)
        try:
            change(order)
        except Error as error:
            raise OutcomeOf(pk, CHANGE_AGAIN) from error
        return Response(_detail(self.caller, pk))


class OrderAmount(OrderVerb):
    """The amount of a standing order."""

    @extend_schema(
        operation_id="standing_orders_amount",
        request=OrderAmountSerializer,
        responses=StandingOrderDetailSerializer,
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Changes the amount of a standing order. The new amount applies from the next payment."""
        known_only(request)
        order = _own(self.caller, pk)
        amount = values_of(OrderAmountSerializer, request.data)["amount"]
        refuse_odd(amount)
        is_own = _is_own(self.caller, order)
        _check_caller(self.caller, request, order.from_account, amount, is_own=is_own)
        return self.change(
            pk, lambda row: services.change_amount(order=row, amount=Decimal(amount))
        )


class OrderSkip(OrderVerb):
    """A request to skip the next payment day of a standing order."""

    @extend_schema(
        operation_id="standing_orders_skip",
        request=OrderSkipSerializer,
        responses=StandingOrderDetailSerializer,
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Skips the next day of a standing order. If the request is repeated for the same day, it
        returns the same response.
        """
        known_only(request)
        # Must be checked before the body, so that 404 precedes errors of the body
        _own(self.caller, pk)
        day = values_of(OrderSkipSerializer, request.data)["day"]

        def skip(order: StandingOrder) -> None:
            try:
                services.skip(order=order, day=day)
            except services.OrderChanged:
                skipped = Occurrence.DayOutcome.SKIPPED
                if not order.occurrences.filter(due_on=day, outcome=skipped).exists():
                    raise
                wait_until_confirmed()

        return self.change(pk, skip)


class OrderPause(OrderVerb):
    """The pause of a standing order."""

    @extend_schema(
        operation_id="standing_orders_pause",
        request=NothingSerializer,
        responses=StandingOrderDetailSerializer,
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Pauses a standing order. A paused order makes no payments until it is resumed."""
        known_only(request)
        _own(self.caller, pk)
        _read_nothing(request)
        return self.change(pk, lambda order: services.pause(order=order))


class OrderResume(OrderVerb):
    """The end of the pause of a standing order."""

    @extend_schema(
        operation_id="standing_orders_resume",
        request=NothingSerializer,
        responses=StandingOrderDetailSerializer,
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Resumes a paused standing order. The days during the pause are skipped."""
        known_only(request)
        order = _own(self.caller, pk)
        _read_nothing(request)
        # A session has already confirmed the order when it was set up
        if self.caller.token and not order.is_active:
            _check_caller(
                self.caller, request, order.from_account, str(order.amount),
                is_own=_is_own(self.caller, order),
            )  # fmt: skip
        return self.change(pk, lambda order: services.resume(order=order))


class OrderEnd(OrderVerb):
    """The end of a standing order."""

    @extend_schema(
        operation_id="standing_orders_end",
        request=NothingSerializer,
        responses=StandingOrderDetailSerializer,
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Ends a standing order permanently. A repeated request changes nothing."""
        known_only(request)
        _own(self.caller, pk)
        _read_nothing(request)
        return self.change(pk, lambda order: services.end(order=order))


def _read_nothing(request: Request) -> None:
    """Checks that the body is an empty object. Also refuses a missing body, because a form on
    another site could send a request without a body.

    Raises: ValidationError, ParseError.
    """
    values_of(NothingSerializer, request.data)
    if request.META.get("CONTENT_LENGTH") in (None, "", "0"):
        raise ParseError("Send an empty object: {}.")


def _own(caller: Caller, pk: UUID) -> StandingOrder:
    order = own_order(caller.person, pk)
    if order is None:
        raise Http404
    return order


def _named(caller: Caller, orders: Sequence[StandingOrder]) -> list[NamedOrder]:
    who = names_of(caller.person, orders, Account.objects.owned_by(caller.person))
    return [NamedOrder(order, who[order.to_account_id]) for order in orders]


def _detail(caller: Caller, pk: UUID) -> Any:
    """Returns the order as JSON data, with its next days and the results of its latest days."""
    page = order_page(caller.person, _own(caller, pk))
    found = row_of(StandingOrderSerializer, NamedOrder(page.order, page.who))
    found["next_days"] = [day.isoformat() for day in page.next_days]
    found["days"] = rows_of(OrderDaySerializer, page.settled)
    return found
