"""`/api/v1/accounts/`."""

from types import SimpleNamespace
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services
from accounts.forms import OpenAccountForm
from accounts.models import Account
from api.accounts.serializers import (
    EXPAND,
    EXPANDABLE,
    AccountListSerializer,
    AccountSerializer,
    BalanceSerializer,
    EntryPageSerializer,
    EntrySerializer,
    NewAccountSerializer,
)
from api.expanding import names_to_expand
from api.fields import InstantField, picked, refused, row_of, rows_of, values_of
from api.own_rows import own_account
from api.paging import known_only, page_of
from api.parameters import CURSOR, FIELDS, KEY_OF_ACCOUNT, LIMIT, query
from api.transactions.expansion import put_transactions
from api.transactions.keys import REPLAYED, key_as_uuid
from api.views import POSTED_ROWS, ApiView
from ledger.db.commits.confirmation import wait_until_confirmed
from ledger.db.ids import uuid7_for
from ledger.db.replicas import read
from ledger.text.lines import tidy_line
from transactions.exceptions import IdempotencyConflict
from transactions.models import Entry
from transactions.statements.forms import StatementForm
from transactions.statements.page import STATEMENT, entries_of, with_own_categories

OTHER_ACCOUNT = (
    "This key was used for an account with another name or currency. No account was opened."
)

OF_STATEMENT = [
    query("start", "First day.", "date"),
    query("end", "Last day, inclusive.", "date"),
    query("direction", "Only money in, or only money out.", choices=["in", "out"]),
    query("q", "As in the search of a statement: words, amounts, people."),
]


class AccountList(ApiView):
    """The accounts of the caller."""

    @extend_schema(
        operation_id="accounts_list", parameters=[FIELDS], responses=AccountListSerializer
    )
    def get(self, request: Request) -> Response:
        """Returns all accounts of the caller, including closed accounts. The oldest account is
        first.
        """
        known_only(request)
        mine = Account.objects.owned_by(self.caller.person)
        rows = rows_of(AccountSerializer, mine)
        return Response({"results": picked(rows, request.query_params.get("fields"))})

    @extend_schema(
        operation_id="accounts_open",
        parameters=[KEY_OF_ACCOUNT],
        request=NewAccountSerializer,
        responses={201: AccountSerializer},
    )
    def post(self, request: Request) -> Response:
        """Opens an account. Needs the scope pay. If the request is repeated with the same
        Idempotency-Key, no other account is opened: the response contains the same account and the
        header `Idempotency-Replayed: true`.
        """
        known_only(request)
        given = values_of(NewAccountSerializer, request.data)
        person = self.caller.person
        id = uuid7_for(person.pk, key_as_uuid(request, person))
        if opened := Account.objects.owned_by(person).filter(pk=id).first():
            return _replayed(opened, given)  # must happen before any refusal
        form = OpenAccountForm(given)
        if not form.is_valid():
            raise refused(form)
        account, was_open = services.open_account_once(user=person, id=id, **form.cleaned_data)
        if was_open:
            return _replayed(account, given)
        account.refresh_from_db()
        return Response(row_of(AccountSerializer, account), status=201)


def _replayed(account: Account, given: dict[str, Any]) -> Response:
    """Returns the response with the account's current state.

    Raises: IdempotencyConflict if the name or currency of the account differs from the request.
    """
    if (account.name, account.currency) != (tidy_line(given["name"]), given["currency"]):
        raise IdempotencyConflict(OTHER_ACCOUNT)
    wait_until_confirmed()
    return Response(row_of(AccountSerializer, account), status=201, headers={REPLAYED: "true"})


class AccountDetail(ApiView):
    """One account of the caller."""

    instead = (
        "Its owner closes an account in the browser, at /accounts/<id>/close/; it is never deleted."
    )

    @extend_schema(operation_id="accounts_read", parameters=[FIELDS], responses=AccountSerializer)
    def get(self, request: Request, pk: UUID) -> Response:
        """Returns the account with its current balances."""
        known_only(request)
        found = row_of(AccountSerializer, own_account(self.caller.person, pk))
        return Response(picked(found, request.query_params.get("fields")))


class AccountBalance(ApiView):
    """The booked balance of an account at a point in time."""

    @extend_schema(
        operation_id="accounts_balance",
        parameters=[query("at", "The balance just before this time; default: now.", "date-time")],
        responses=BalanceSerializer,
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """Returns the balance of the account now, or just before the time `at`."""
        known_only(request, "at")
        account = own_account(self.caller.person, pk)
        at, balance = timezone.now(), account.balance
        if given := request.query_params.get("at"):
            try:
                at = InstantField().to_internal_value(given)
            except ValidationError as error:
                raise ValidationError({"at": error.detail}) from None
            balance = Entry.objects.balance_at(account, at) or balance * 0
        found = SimpleNamespace(
            account=account.pk, currency=account.currency, at=at, balance=balance
        )
        return Response(row_of(BalanceSerializer, found))


class EntryList(ApiView):
    """The entries of an account."""

    instead = POSTED_ROWS

    @extend_schema(
        operation_id="accounts_entries",
        parameters=[
            *OF_STATEMENT,
            LIMIT,
            CURSOR,
            FIELDS,
            EXPAND,
        ],
        responses=EntryPageSerializer,
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """Returns the entries of an account. The newest entry is first. The filters are the same as
        on the page of the statement.
        """
        known_only(request, "start", "end", "direction", "q", "limit", "cursor", "expand")
        names = names_to_expand(request, EXPANDABLE)
        account = own_account(self.caller.person, pk)
        form = StatementForm(request.query_params.dict())
        if not form.is_valid():
            raise refused(form)
        entries = with_own_categories(entries_of(account, form.filters).for_programs(), account)

        def page() -> tuple[list[dict[str, Any]], str | None]:
            rows, following = page_of(
                request, entries, id_name="transaction_id", id_of=lambda row: row.transaction_id
            )
            for entry in rows:
                entry.account = account
            found = rows_of(EntrySerializer, rows)
            put_transactions(found, names, self.caller)
            return found, following

        found, following = read(STATEMENT, page)
        results = picked(found, request.query_params.get("fields"))
        return Response({"results": results, "next": following})
