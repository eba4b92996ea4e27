"""Standing orders in the admin. Staff can read the orders, and can end an order for a customer."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from accounts.admin.actions import ReasonedActions, StaffStep
from accounts.admin.list_files import ListFiles
from accounts.admin.parts import STYLES, ReadOnly, amount_cell, link_to, person_of
from banking.standing_orders.models import WHY_LIMIT, StandingOrder
from banking.standing_orders.services import BY_BANK, end
from ledger.text.money import NOTHING

OWN = "This order belongs to you or your household. A colleague must end it."
END = StaffStep(
    verb="End the standing order",
    consequence="An order that has ended never pays again. The customer can set up a new one.",
    do=lambda order, _reason, message, _by: end(order=order, why=f"{BY_BANK} {message}".strip()),
    done="ended",
    is_done=lambda order: order.is_ended,
    as_is="ended already",
    is_final=True,
    message_help="Shown on the order's page; optional.",
    message_limit=WHY_LIMIT - len(BY_BANK) - 1,
)


@admin.register(StandingOrder)
class StandingOrderAdmin(ListFiles, ReadOnly, ReasonedActions):
    """The admin pages of standing orders, newest first. The only action is to end orders."""

    list_display = ("owner_link", "recipient", "amount_shown", "currency", "every", "due", "state")
    list_display_links = ("every",)  # the names link to the people
    list_filter = ("status", "every")
    list_select_related = ("owner", "from_account", "to_account__user")
    ordering = ("-created_at", "-pk")
    sortable_by = ()
    search_fields = (
        "owner__name__unaccent__icontains", "from_account__number", "to_account__number",
        "to_account__user__name__unaccent__icontains",
    )  # fmt: skip
    actions = ("end",)
    rows_template = "admin/standing_orders/standingorder/_rows.html"
    list_file_values: ClassVar = {"amount_shown": "amount", "due": "next_on"}
    show_full_result_count = False
    fields = (
        "owner_link", "sender", "recipient", "amount_shown", "currency", "every", "first_on",
        "last_on", "times", "due", "state", "refused_why", "ended_why", "description",
        "reference", "id",
    )  # fmt: skip

    class Media:
        css = {"all": (STYLES,)}

    def get_readonly_fields(self, _request: HttpRequest, _obj: Any = None) -> Any:
        return self.fields

    def has_end_permission(self, request: HttpRequest) -> bool:
        return person_of(request).has_perm("standing_orders.end_standing_orders")

    def refusal_for(self, request: HttpRequest, thing: StandingOrder) -> str:
        return OWN if person_of(request).is_close_to(thing.owner) else ""

    @admin.action(description="End the standing orders", permissions=["end"])
    def end(self, request: HttpRequest, chosen: QuerySet[StandingOrder]) -> HttpResponse | None:
        return self.ask_and_do(request, chosen, END)

    @admin.display(description="Owner")
    def owner_link(self, order: StandingOrder) -> str:
        return link_to(order.owner)

    @admin.display(description="From")
    def sender(self, order: StandingOrder) -> str:
        return link_to(order.from_account)

    @admin.display(description="To")
    def recipient(self, order: StandingOrder) -> str:
        return link_to(order.to_account, f"{order.to_account.user}, {order.to_account}")

    @admin.display(description="Amount")
    def amount_shown(self, order: StandingOrder) -> str:
        return amount_cell(order.amount, order.currency)

    @admin.display(description="Currency")
    def currency(self, order: StandingOrder) -> str:
        return order.currency

    @admin.display(description="Next day")
    def due(self, order: StandingOrder) -> Any:
        return order.next_on if order.is_active else NOTHING

    @admin.display(description="State")
    def state(self, order: StandingOrder) -> str:
        """Returns the status of the order as text. An active order pays nothing while the owner's
        sign-in is closed: see Note [Closed sign-ins].
        """
        if order.is_active and not order.owner.is_active:
            return "Skipped: sign-in closed"
        return str(order.get_status_display())
