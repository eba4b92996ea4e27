"""The transaction list of the admin, which is fast even for a million rows."""

from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property

from accounts.models import Account
from ledger.text.dates import end_of_day
from transactions.lifecycle import STATES
from transactions.models import Transaction

MAX_COUNTED = 10_000


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """A paginator that counts at most MAX_COUNTED rows, because an exact count would read the whole
    table for every page. `has_more` is True if there are more rows.
    """

    @cached_property
    def count(self) -> int:
        return min(self._counted, MAX_COUNTED)

    @property
    def has_more(self) -> bool:
        return self._counted > MAX_COUNTED

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        counted: int = rows.order_by()[: MAX_COUNTED + 1].count()
        return counted


class AccountFilter(admin.SimpleListFilter):
    """A filter for the transactions of one account. Links contain the account's id, because a list
    of all accounts would be too long.
    """

    title = "account"
    parameter_name = "account"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        account = self._account()
        return [(str(account.pk), str(account))] if account else []

    def has_output(self) -> bool:
        """Returns whether the URL contains an account id. The account may not exist."""
        return bool(self.value())

    def queryset(self, _request: HttpRequest, rows: QuerySet[Transaction]) -> QuerySet[Transaction]:
        if not self.value():
            return rows
        account = self._account()
        return with_side(rows, account) if account else rows.none()

    def _account(self) -> Account | None:
        try:
            return Account.objects.filter(pk=self.value() or "").first()
        except ValidationError:  # the id is not valid
            return None


class StateFilter(admin.SimpleListFilter):
    """A filter by state. "pending" includes expired holds that still reserve money."""

    title = "status"
    parameter_name = "standing"
    options: ClassVar[dict[str, str]] = {
        "booked": "booked", **STATES, "today": "expires today",
    }  # fmt: skip
    of_pending_holds = ("pending", "expired", "today")

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        return list(self.options.items())

    def queryset(self, _request: HttpRequest, rows: QuerySet[Transaction]) -> QuerySet[Transaction]:
        is_over = Q(expires_at__lte=timezone.now())
        narrowed = {
            "booked": Q(status="completed"),
            "pending": Q(status="pending"),
            "expired": Q(status="pending") & is_over,
            "today": Q(status="pending", expires_at__lt=end_of_day(timezone.localdate())),
            "captured": Q(status="captured"),
            "released": Q(status="voided"),
        }.get(self.value() or "")
        return rows.filter(narrowed) if narrowed else rows


class CurrencyFilter(admin.SimpleListFilter):
    """A filter by currency. The choices are the currencies of accounts, because reading the
    currencies of all transactions would scan the table.
    """

    title = "currency"
    parameter_name = "currency"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        currencies = (
            Account.objects.order_by("currency").values_list("currency", flat=True).distinct()
        )
        return [(currency, currency) for currency in currencies]

    def queryset(self, _request: HttpRequest, rows: QuerySet[Transaction]) -> QuerySet[Transaction]:
        return rows.filter(currency=self.value()) if self.value() else rows


def with_side(rows: QuerySet[Transaction], account: Account) -> QuerySet[Transaction]:
    """Returns the rows whose sender or recipient is this account."""
    return rows.filter(Q(from_account=account) | Q(to_account=account))
