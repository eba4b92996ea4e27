"""Columns, filters and the status history of accounts in the admin."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import Q
from django.http import HttpRequest

from accounts.admin.masking import masked_number
from accounts.admin.parts import ReadOnly, amount_cell, day_cell, link_to, moment_cell
from accounts.models import Account, StatusChange
from ledger.text.money import NOTHING, account_number, money


class OverdraftFilter(admin.SimpleListFilter):
    title = "overdraft"
    parameter_name = "overdraft"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        return [("yes", "With an overdraft"), ("used", "Below zero"), ("no", "Without")]

    def queryset(
        self, _request: HttpRequest, accounts: models.QuerySet[Account]
    ) -> models.QuerySet[Account]:
        wanted = {
            "yes": Q(overdraft_limit__gt=0),
            "used": Q(balance__lt=0),
            "no": Q(overdraft_limit=0),
        }
        return accounts.filter(wanted.get(self.value() or "", Q()))


class StatusHistory(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    """Read-only list of the status changes of an account, with author, time and reason."""

    model = StatusChange
    template = "admin/accounts/account/_status_history.html"
    verbose_name_plural = "status history"
    fields = readonly_fields = ("when", "from_word", "to_word", "reason", "by")
    extra = max_num = 0

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[StatusChange]:
        return super().get_queryset(request).select_related("changed_by")

    @admin.display(description="When")
    def when(self, change: StatusChange) -> str:
        return moment_cell(change.created_at)

    @admin.display(description="From")
    def from_word(self, change: StatusChange) -> str:
        return Account.Status(change.from_status).label

    @admin.display(description="To")
    def to_word(self, change: StatusChange) -> str:
        return Account.Status(change.to_status).label

    @admin.display(description="By")
    def by(self, change: StatusChange) -> str:
        return str(change.changed_by or NOTHING)


class AccountColumns(admin.ModelAdmin):  # type: ignore[type-arg]
    """The columns of accounts in the admin: amounts, dates, and the number in groups of four
    digits.
    """

    @admin.display(description="Owner", ordering="user__name")
    def owner(self, account: Account) -> str:
        return link_to(account.user)

    @admin.display(description="Number")
    def number_shown(self, account: Account) -> str:
        return account_number(account.number)

    @admin.display(description="Number")
    def number_masked(self, account: Account) -> str:
        return masked_number(account.number)

    @admin.display(description="Balance")
    def balance_shown(self, account: Account) -> str:
        return amount_cell(account.balance, account.currency)

    @admin.display(description="Held")
    def held_shown(self, account: Account) -> str:
        return amount_cell(account.held, account.currency)

    @admin.display(description="Available")
    def available_shown(self, account: Account) -> str:
        return amount_cell(account.available, account.currency)

    @admin.display(description="Overdraft limit")
    def overdraft_limit_shown(self, account: Account) -> str:
        return money(account.overdraft_limit, account.currency)

    @admin.display(description="Transfer limit")
    def transfer_limit_shown(self, account: Account) -> str:
        return limit_in_words(account.transfer_limit, account.currency)

    @admin.display(description="Daily limit")
    def daily_limit_shown(self, account: Account) -> str:
        return limit_in_words(account.daily_limit, account.currency)

    @admin.display(description="Opened", ordering="created_at")
    def opened(self, account: Account) -> str:
        return day_cell(account.created_at)

    @admin.display(description="Opened")
    def opened_at(self, account: Account) -> str:
        return moment_cell(account.created_at)

    @admin.display(description="Last entry")
    def last_entry(self, account: Account) -> str:
        return moment_cell(account.last_entry_at)

    @admin.display(description="Closed")
    def closed(self, account: Account) -> str:
        return moment_cell(account.closed_at)


def limit_in_words(limit: Decimal | str | None, currency: str) -> str:
    """Returns a limit as text, such as "20.00 USD". Returns "no limit" for None."""
    return money(limit, currency) or "no limit"
