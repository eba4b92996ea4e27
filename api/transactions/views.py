"""`/api/v1/transactions/`."""

from typing import ClassVar
from uuid import UUID

from django.db import Error
from django.db.models import Q
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.shown import opened_by_right
from api.caller import TokenScope
from api.expanding import names_to_expand
from api.fields import picked, refused, row_of, values_of
from api.own_rows import chosen_accounts
from api.paging import known_only, page_of
from api.parameters import CURSOR, FIELDS, KEY, LIMIT, query
from api.problems import OutcomeOf
from api.transactions.expansion import (
    EXPAND,
    EXPANDABLE,
    ExpandedTransactionPageSerializer,
    ExpandedTransactionSerializer,
    expanded,
    read_for,
    reads_any,
)
from api.transactions.keys import REPLAYED, payment_key
from api.transactions.payments import pay
from api.transactions.serializers import NewTransactionSerializer, TransactionSerializer
from api.views import POSTED_ROWS, ApiView
from ledger.db.commits.confirmation import wait_until_confirmed
from ledger.text.dates import end_of_day, start_of_day
from transactions.annotations.categories import read_own_categories
from transactions.models import Transaction
from transactions.statements.forms import DatesForm


class TransactionList(ApiView):
    """The view that lists the transactions of the caller, and makes new transactions."""

    instead = POSTED_ROWS
    response_headers: ClassVar = {"POST": ["Location"]}

    @extend_schema(
        operation_id="transactions_list",
        parameters=[
            query("start", "First booking day.", "date"),
            query("end", "Last booking day, inclusive.", "date"),
            query("account", "Only transactions of this account of the caller.", "uuid"),
            LIMIT, CURSOR, FIELDS, EXPAND,
        ],
        responses=ExpandedTransactionPageSerializer,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Returns all transactions of the caller's accounts, including holds. The newest
        transaction is first. For the balance after each entry of an account, use
        `/accounts/<id>/entries/`.
        """
        known_only(request, "start", "end", "account", "limit", "cursor", "expand")
        names = names_to_expand(request, EXPANDABLE)
        form = DatesForm(request.query_params.dict())
        if not form.is_valid():
            raise refused(form)
        mine = chosen_accounts(request)
        rows = Transaction.objects.filter(Q(from_account__in=mine) | Q(to_account__in=mine))
        if start := form.cleaned_data["start"]:
            rows = rows.filter(created_at__gte=start_of_day(start))
        if end := form.cleaned_data["end"]:
            rows = rows.filter(created_at__lt=end_of_day(end))
        found, following = page_of(request, read_for(rows, self.caller.person, names))
        results = expanded(found, names, self.caller)
        wanted = request.query_params.get("fields")
        return Response({"results": picked(results, wanted), "next": following})

    @extend_schema(
        operation_id="transactions_create",
        parameters=[KEY],
        request=NewTransactionSerializer,
        responses={201: TransactionSerializer},
    )
    def post(self, request: Request) -> Response:
        """Makes a payment from an account of the caller. If the request is repeated with the same
        Idempotency-Key, no other payment is made: the response is the same, with the header
        `Idempotency-Replayed: true`.
        """
        known_only(request)
        given = values_of(NewTransactionSerializer, request.data)
        id, key = payment_key(request, self.caller.person)
        try:
            booked = pay(self.caller, request._request, given, id)
            if booked.is_repeated:
                wait_until_confirmed()
                if self.caller.may(TokenScope.READ):
                    read_own_categories(self.caller.person, [booked.row])
        except Error as error:
            raise OutcomeOf(id, key=key) from error
        headers = {"Location": f"{request.path}{booked.row.pk}/"}
        if booked.is_repeated:
            headers[REPLAYED] = "true"
        return Response(row_of(TransactionSerializer, booked.row), status=201, headers=headers)


class TransactionDetail(ApiView):
    """A transaction."""

    instead = POSTED_ROWS
    is_unchanging = True

    @extend_schema(
        operation_id="transactions_read",
        parameters=[FIELDS, EXPAND],
        responses=ExpandedTransactionSerializer,
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """Returns a transaction of the caller's accounts. Staff with the scope staff can read all
        transactions.
        """
        known_only(request, "expand")
        names = names_to_expand(request, EXPANDABLE)
        caller = self.caller
        rows = read_for(Transaction.objects.all(), caller.person, EXPANDABLE)
        if not reads_any(caller):
            rows = rows.visible_to(caller.person)
        row = rows.filter(pk=pk).first()
        if row is None:
            raise Http404
        if not row.is_of(caller.person):
            opened_by_right()
        (found,) = expanded([row], names, caller)
        return Response(picked(found, request.query_params.get("fields")))
