"""`/api/v1/payees/saved/`: recipients that the caller has saved with a name."""

from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.forms import Form
from django.http import Http404
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from api.fields import StrictSerializer, TextField, picked, refused, row_of, rows_of, values_of
from api.paging import known_only
from api.parameters import FIELDS
from api.payees import NAME_CHECKS, NOT_COMPARED
from api.problems import FieldRefused
from api.transactions.payments import NO_SUCH_ACCOUNT
from api.views import ApiView
from transactions.payees.forms import PayeeForm, PayeeNameForm
from transactions.payees.models import NAME_LIMIT, NOTE_LIMIT, Payee
from transactions.payees.reads import PayeeLine, lines_of, own_payee, payee_lines
from transactions.payees.services import remove_payee, save_payee
from transactions.safeguards.quota import NUMBERS_ASKED


class SavedPayeeSerializer(serializers.Serializer[PayeeLine]):
    """An account of another user, with the name under which the caller has saved it."""

    id = serializers.UUIDField(source="payee.pk")
    number = serializers.CharField(source="payee.account.number")
    name = serializers.CharField(source="payee.name")
    note = serializers.CharField(source="payee.note")
    name_check = serializers.SerializerMethodField(
        help_text="Result of comparing the name with the account owner's."
    )
    holder = serializers.CharField(help_text="The account owner's name, masked for a stranger.")
    is_masked = serializers.BooleanField()
    currency = serializers.CharField(source="payee.account.currency")
    can_pay = serializers.BooleanField(
        help_text="Whether the account is open and the caller has an open account in its currency."
    )
    last_payment = serializers.UUIDField(
        source="last.pk",
        default=None,
        allow_null=True,
        help_text="The latest payment to this account.",
    )

    @extend_schema_field(serializers.ChoiceField(NAME_CHECKS))
    def get_name_check(self, line: PayeeLine) -> str:
        """Returns the result of the name check, with the same values as in the list of payees."""
        return line.payee.name_check or NOT_COMPARED


class SavedPayeesSerializer(serializers.Serializer[Any]):
    """All saved payees on one page, sorted by name. A user can have at most 500 saved payees."""

    results = SavedPayeeSerializer(many=True)


class PayeeNameSerializer(StrictSerializer):
    """The caller's name for an account."""

    name = TextField(max_length=NAME_LIMIT)
    note = TextField(max_length=NOTE_LIMIT, required=False, allow_blank=True)


class NewPayeeSerializer(PayeeNameSerializer):
    """The number of another user's account, and the caller's name for this account."""

    number = TextField(max_length=40)


class SavedPayeeList(ApiView):
    """The payees that the caller has saved."""

    answers_earlier_rows = ("POST",)  # the response contains the newest payment
    response_headers: ClassVar = {"POST": ["Location"]}

    @extend_schema(
        operation_id="payees_saved", parameters=[FIELDS], responses=SavedPayeesSerializer
    )
    def get(self, request: Request) -> Response:
        """Returns the recipients that the caller has saved, sorted by name."""
        known_only(request)
        rows = rows_of(SavedPayeeSerializer, payee_lines(self.caller.person))
        return Response({"results": picked(rows, request.query_params.get("fields"))})

    @extend_schema(
        operation_id="payees_save",
        request=NewPayeeSerializer,
        responses={201: SavedPayeeSerializer},
    )
    def post(self, request: Request) -> Response:
        """Saves an account with a name. A repeated request saves the account only once. A different
        name replaces the first name. Numbers that cannot be paid and wrong names count towards the
        daily limits.
        """
        known_only(request)
        person = self.caller.person
        form = _valid(PayeeForm(values_of(NewPayeeSerializer, request.data), user=person))
        if form.refuse_unknown():
            raise _not_saved(form)
        data = form.cleaned_data
        payee = save_payee(
            owner=person, account=data["number"], name=data["name"], note=data["note"]
        )
        headers = {"Location": f"{request.path}{payee.pk}/"}
        return Response(_payee_as_json(self.caller.person, payee.pk), status=201, headers=headers)


class SavedPayee(ApiView):
    """A payee that the caller has saved."""

    answers_earlier_rows = ("PUT",)

    @extend_schema(
        operation_id="payees_saved_read", parameters=[FIELDS], responses=SavedPayeeSerializer
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """Returns a recipient that the caller has saved."""
        known_only(request)
        found = _payee_as_json(self.caller.person, pk)
        return Response(picked(found, request.query_params.get("fields")))

    @extend_schema(
        operation_id="payees_rename", request=PayeeNameSerializer, responses=SavedPayeeSerializer
    )
    def put(self, request: Request, pk: UUID) -> Response:
        """Replaces the name and the note of a saved recipient. A new name is compared with the name
        of the account's owner.
        """
        known_only(request)
        payee = _own(self.caller.person, pk)
        form = _valid(PayeeNameForm(values_of(PayeeNameSerializer, request.data)))
        save_payee(owner=self.caller.person, account=payee.account, **form.cleaned_data)
        return Response(_payee_as_json(self.caller.person, pk))

    @extend_schema(operation_id="payees_forget", request=None, responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Deletes a saved recipient. Payments to this recipient do not change."""
        known_only(request)
        remove_payee(payee=_own(self.caller.person, pk))
        return Response(status=204)


Valid = TypeVar("Valid", bound=Form)


def _valid(form: Valid) -> Valid:
    if not form.is_valid():
        raise refused(form)
    return form


def _not_saved(form: PayeeForm) -> FieldRefused:
    """Returns the error that explains why the form has refused the number."""
    why = " ".join(map(str, form.errors["number"]))
    slug = "too-many-numbers" if why == NUMBERS_ASKED else NO_SUCH_ACCOUNT
    return FieldRefused(why, "number", slug=slug)


def _own(person: User, pk: UUID) -> Payee:
    payee = own_payee(person, pk)
    if payee is None:
        raise Http404
    return payee


def _payee_as_json(person: User, pk: UUID) -> Any:
    (line,) = lines_of(person, [_own(person, pk)])
    return row_of(SavedPayeeSerializer, line)
