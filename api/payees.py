"""`/api/v1/payees/`: recipients that are suggested to the caller, and whether an account number can
be paid.
"""

from collections.abc import Sequence
from typing import Any

from django import forms
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Account
from api.caller import Caller
from api.fields import picked, refused, rows_of
from api.paging import known_only
from api.parameters import FIELDS, query
from api.problems import FieldRefused
from api.transactions.payments import NO_SUCH_ACCOUNT, NOT_YOURS, named_account
from api.views import ApiView
from ledger.text.lines import tidy_line
from transactions.models import NameCheck
from transactions.safeguards.names import LONGEST_NAME
from transactions.safeguards.recipients import CANNOT_RECEIVE, is_payable
from transactions.transfers.reads import KnownRecipient, known_recipients, payee_name

Payee = dict[str, Any]
NOT_COMPARED = "none"
NAME_CHECKS = [
    (NameCheck.MATCH.value, "the holder's name"),
    (NameCheck.CLOSE.value, "almost the holder's name"),
    (NameCheck.OTHER.value, "not the holder's name"),
    (NOT_COMPARED, "not compared"),
]


class PayeeSerializer(serializers.Serializer[Any]):
    """An account that the caller may pay."""

    number = serializers.CharField()
    name = serializers.CharField(
        help_text="The owner's name, masked for a stranger; for an own account, the account's name."
    )
    is_masked = serializers.BooleanField()
    is_own = serializers.BooleanField()
    currency = serializers.CharField()
    name_check = serializers.ChoiceField(
        NAME_CHECKS, help_text="Result of comparing the given name."
    )


class PayeesSerializer(serializers.Serializer[Any]):
    """All payees on one page."""

    results = PayeeSerializer(many=True)
    detail = serializers.CharField(help_text='Why the number cannot be paid; "" if it can.')


class PayeesForm(forms.Form):
    """The form for the query parameters."""

    number = forms.CharField(max_length=40, required=False)
    name = forms.CharField(max_length=LONGEST_NAME, required=False)
    from_account = forms.UUIDField(required=False)

    def clean_name(self) -> str:
        """Returns the name in one line, as the transfer form does."""
        return tidy_line(self.cleaned_data["name"])


class PayeeList(ApiView):
    """Known recipients, or one recipient by account number."""

    @extend_schema(
        operation_id="payees_list",
        parameters=[
            query("number", "An account number to check."),
            query("name", "Compared with the holder's name; needs number."),
            query("from_account", "The id of the account that would pay.", "uuid"),
            FIELDS,
        ],
        responses=PayeesSerializer,
    )
    def get(self, request: Request) -> Response:
        """Returns the caller's own accounts, followed by recent recipients. With `from_account`,
        returns only the accounts that this account can pay.

        With `number`, returns only the recipient with this number. If the number cannot be paid,
        returns the reason and an empty list. Two daily limits apply, as on the transfer form: one
        for numbers that cannot be paid, and one for wrong names. Without `from_account`, the
        caller's oldest open account is the payer.
        """
        known_only(request, "number", "name", "from_account")
        form = PayeesForm(request.query_params.dict())
        if not form.is_valid():
            raise refused(form)
        number, name = form.cleaned_data["number"], form.cleaned_data["name"]
        if name and not number:
            raise ValidationError(
                {"name": ["Send number too: name is compared with the owner of number."]}
            )
        mine = list(Account.objects.owned_by(self.caller.person))
        sender = _chosen(mine, form.cleaned_data["from_account"])
        if number:
            found, why = asked_of(self.caller, mine, sender, number, name)
        else:
            found, why = list(map(_known, known_recipients(mine, sender))), ""
        results = picked(rows_of(PayeeSerializer, found), request.query_params.get("fields"))
        return Response({"results": results, "detail": why})


def asked_of(
    caller: Caller, mine: Sequence[Account], sender: Account | None, number: str, name: str
) -> tuple[list[Payee], str]:
    """Returns two values: a list with the payee that has this account number, and "". If the number
    cannot be paid, returns an empty list and the reason.

    Raises: FieldRefused if the caller has no open account, if the number is invalid, or if a daily
    limit is exceeded.
    """
    sender = sender or next((account for account in mine if not account.is_closed), None)
    if sender is None:
        raise FieldRefused("You have no open account.", "from_account", slug=NO_SUCH_ACCOUNT)
    try:
        account = named_account(caller, sender, number)
    except FieldRefused as refusal:
        if refusal.slug == NO_SUCH_ACCOUNT:
            return [], str(refusal)
        raise FieldRefused(str(refusal), "number", slug=refusal.slug) from None
    if account.pk == sender.pk or not is_payable(sender, account):
        return [], CANNOT_RECEIVE
    named = payee_name(caller.person, account, name)
    is_own = account.user_id == caller.person.pk
    return [_payee(account, named.who, named.is_masked, is_own, named.check)], ""


def _known(recipient: KnownRecipient) -> Payee:
    return _payee(recipient.account, recipient.name, False, recipient.is_own, "")


def _payee(account: Account, name: str, is_masked: bool, is_own: bool, check: str) -> Payee:
    return {
        "number": account.number, "name": name, "is_masked": is_masked, "is_own": is_own,
        "currency": account.currency, "name_check": check or NOT_COMPARED,
    }  # fmt: skip


def _chosen(mine: Sequence[Account], pk: Any) -> Account | None:
    """Returns the caller's account with this id, or None if `pk` is None.

    Raises: FieldRefused if the caller has no account with this id.
    """
    if pk is None:
        return None
    for account in mine:
        if account.pk == pk:
            return account
    raise FieldRefused(NOT_YOURS, "from_account", slug=NO_SUCH_ACCOUNT)
