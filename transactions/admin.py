"""Transactions in the admin: to read, search and filter. Nothing posted is ever edited."""

import json
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join

from accounts.admin_parts import NOTHING, STYLES, amount_cell, link_to, moment_cell
from accounts.models import Account
from accounts.templatetags.money import NO_BREAK, account_number, money
from transactions import admin_audit, cash_desk
from transactions.admin_list import AccountFilter, CappedPaginator, CurrencyFilter
from transactions.admin_search import HELP, search
from transactions.models import AuditRun, Transaction

admin.site.register(AuditRun, admin_audit.AuditRunAdmin)


@admin.register(Transaction)
class TransactionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Newest first by id, whose first part is the time: the primary key gives that order.

    No `date_hierarchy`: it asks the whole table for its first and last day on each view. The
    filter by date walks back from the newest row and stops at the page's end.
    """

    list_display = (
        "time", "sender", "recipient", "amount_shown", "currency", "status", "words", "type",
    )  # fmt: skip
    list_filter = (AccountFilter, "status", "type", CurrencyFilter, "created_at")
    list_select_related = ("from_account__user", "to_account__user")
    ordering = ("-id",)
    sortable_by = ()
    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    search_fields = ("id",)  # shows the box; what it does is in `get_search_results`
    search_help_text = HELP
    actions = None
    fieldsets = (
        (None, {"fields": ("amount_long", "type", "status", "time", "counts_from")}),
        ("Sides", {"fields": ("sender", "from_after", "recipient", "to_after")}),
        ("Words", {"fields": ("description", "reference", "category", "metadata_text")}),
        ("Belongs to", {"fields": ("links", "expires", "created_by_link", "id")}),
    )

    class Media:
        css = {"all": (STYLES,)}

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, _request: HttpRequest, _obj: Any = None) -> Any:
        return [name for _, options in self.fieldsets or () for name in options["fields"]]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Transaction], search_term: str
    ) -> tuple[QuerySet[Transaction], bool]:
        if not search_term:
            return queryset, False
        narrowed = AccountFilter.parameter_name in request.GET
        found = search(queryset, search_term, is_narrow=narrowed)
        if found.is_cut:
            self.message_user(request, found.is_cut, messages.WARNING)
        return found.rows, False

    def get_urls(self) -> list[URLPattern]:
        """With the cash desk, whose pages a browser may keep.

        Without, going back after booking would show an error of the browser instead of the slip.
        """
        view = partial(cash_desk.view, model_admin=self)
        desk = self.admin_site.admin_view(view, cacheable=True)
        name = "transactions_transaction_cash_desk"
        return [path("cash-desk/", desk, name=name), *super().get_urls()]

    @admin.display(description="Time")
    def time(self, row: Transaction) -> str:
        return moment_cell(row.created_at)

    @admin.display(description="Value date")
    def counts_from(self, row: Transaction) -> str:
        return f"{row.value_date.day} {row.value_date:%B %Y}"

    @admin.display(description="Expires")
    def expires(self, row: Transaction) -> str:
        return moment_cell(row.expires_at)

    @admin.display(description="Words")
    def words(self, row: Transaction) -> str:
        category = format_html('<span class="quiet">{}</span>', row.category or "")
        return format_html("{} {}", row.description, category)

    @admin.display(description="From")
    def sender(self, row: Transaction) -> str:
        return _side(row.from_account)

    @admin.display(description="To")
    def recipient(self, row: Transaction) -> str:
        return _side(row.to_account)

    @admin.display(description="Amount")
    def amount_shown(self, row: Transaction) -> str:
        return amount_cell(row.amount, row.currency)

    @admin.display(description="Amount")
    def amount_long(self, row: Transaction) -> str:
        return money(row.amount, row.currency)

    @admin.display(description="Balance after")
    def from_after(self, row: Transaction) -> str:
        return money(row.from_balance, row.currency) or NOTHING

    @admin.display(description="Balance after")
    def to_after(self, row: Transaction) -> str:
        return money(row.to_balance, row.currency) or NOTHING

    @admin.display(description="Metadata")
    def metadata_text(self, row: Transaction) -> str:
        text = json.dumps(row.metadata, indent=2, ensure_ascii=False)
        return format_html('<pre class="metadata">{}</pre>', text) if row.metadata else NOTHING

    @admin.display(description="Booked by")
    def created_by_link(self, row: Transaction) -> str:
        return link_to(row.created_by) or NOTHING

    @admin.display(description="Other transactions")
    def links(self, row: Transaction) -> str:
        related = [
            *(("captures the hold", hold) for hold in [row.captures] if hold),
            *(("captured by", capture) for capture in row.captured_by.all()),
            *(("reverses", original) for original in [row.reverses] if original),
            *(("reversed by", reversal) for reversal in row.reversals.all()),
        ]
        lines = ((word, link_to(other, _short(other))) for word, other in related)
        return format_html_join("", "<div>{} {}</div>", lines) or NOTHING


def _side(account: Account | None) -> str:
    """Whose account it is, linked; outside the bank there is none."""
    if account is None:
        return "outside the bank"
    number = account_number(account.number).replace(" ", NO_BREAK)
    return link_to(account, f"{account.user}, {account.name} {number}")


def _short(row: Transaction) -> str:
    return f"{row.type} of {money(row.amount, row.currency)}"
