"""Transactions in the admin, which users can read, search and filter, but not edit.

Actions have separate pages, which book new transactions or release holds, see `desk`.
"""

from functools import partial
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse

from accounts.admin.actions import ReasonedActions
from accounts.admin.list_files import ListFiles
from accounts.admin.parts import STYLES, ReadOnly, date_filter, person_of
from accounts.obstacles import Obstacle
from ledger.text.money import money
from transactions.lifecycle import Lifecycle, lifecycle_of
from transactions.models import Transaction
from transactions.models.transaction import BOOKED_AT
from transactions.staff.columns import TransactionColumns
from transactions.staff.desk.cash import SlipForm
from transactions.staff.desk.corrections import CaptureForm, RefundForm
from transactions.staff.desk.holds import RELEASE_HOLDS, HoldForm
from transactions.staff.desk.steps import StepDesk, StepForm
from transactions.staff.find.transactions import HELP, scope_for_staff, search
from transactions.staff.lists import AccountFilter, CappedPaginator, CurrencyFilter, StateFilter
from transactions.staff_actions import RELEASE, actions_for


@admin.register(Transaction)
class TransactionAdmin(ListFiles, ReadOnly, ReasonedActions, TransactionColumns):
    """The pages about transactions. The newest transaction comes first in the list, see Note
    [Newest of the bank].

    There is no `date_hierarchy`, because each request would read the first and last day of the
    whole table. The date filter reads from the newest row and stops when the page is full.
    """

    list_display = (
        "time", "sender", "recipient", "amount_shown", "currency", "state", "words", "kind",
    )  # fmt: skip
    list_filter = (
        AccountFilter, StateFilter, "type", CurrencyFilter,
        ("created_at", date_filter("date")),
    )  # fmt: skip
    list_select_related = ("from_account__user", "to_account__user")
    ordering = (BOOKED_AT.desc(), "-pk")
    sortable_by = ()
    paginator = CappedPaginator
    show_full_result_count = False
    search_fields = ("id",)  # shows the search box; `get_search_results` searches
    search_help_text = HELP
    actions = ("release",)
    rows_template = "admin/transactions/transaction/_rows.html"
    list_file_values: ClassVar = {"time": "created_at", "amount_shown": "amount"}
    fieldsets = (
        (None, {"fields": ("amount_long", "kind", "state_long", "time", "counts_from")}),
        ("Sides", {"fields": ("sender", "from_after", "recipient", "to_after")}),
        ("Details", {"fields": ("description", "reference", "category_text", "metadata_text")}),
        ("Belongs to", {"fields": ("links", "staff_reasons", "expires", "created_by_link", "id")}),
    )

    class Media:
        css = {"all": (STYLES,)}

    def get_readonly_fields(self, _request: HttpRequest, _obj: Any = None) -> Any:
        return [name for _, options in self.fieldsets or () for name in options["fields"]]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Transaction], search_term: str
    ) -> tuple[QuerySet[Transaction], bool]:
        if not search_term:
            return queryset, False
        narrowed = AccountFilter.parameter_name in request.GET
        scope = scope_for_staff(person_of(request))
        rows, condition = search(queryset, search_term, scope, is_narrow=narrowed)
        for mistake in condition.mistakes:
            self.message_user(request, mistake.sentence, messages.WARNING)
        return rows, False

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> dict[str, Any]:
        """Returns the action "release" if the list is filtered by a state of pending holds, or if
        the request is a POST. There is no other action.

        `action_location` exists since Django 6.1.
        """
        state = request.GET.get(StateFilter.parameter_name)
        if state not in StateFilter.of_pending_holds and request.method != "POST":
            return {}
        given = [action_location] if action_location else []
        return super().get_actions(request, *given)

    def has_manage_holds_permission(self, request: HttpRequest) -> bool:
        return person_of(request).has_perm(RELEASE.permission)

    def get_urls(self) -> list[URLPattern]:
        """Returns the URLs, including the URLs of the staff forms.

        Browsers may keep the response to a POST to these forms, see HeadersMiddleware. So a user
        who goes back after booking sees the form again, and not the browser's error page.
        """
        desks = (("cash-desk/", "cash_desk", SlipForm), ("hold/", "hold", HoldForm))
        steps = (("refund", RefundForm), ("capture", CaptureForm))
        return [
            *(self._path(at, name, self.desk_view, form_class=form) for at, name, form in desks),
            *(
                self._path(f"<uuid:pk>/{name}/", name, self.desk_view, form_class=form)
                for name, form in steps
            ),
            self._path("<uuid:pk>/release/", "release", self.release_view),
            *super().get_urls(),
        ]

    def _path(self, at: str, name: str, view: Any, **options: Any) -> URLPattern:
        page = self.admin_site.admin_view(partial(view, **options), cacheable=True)
        return path(at, page, name=f"transactions_transaction_{name}")

    def desk_view(
        self, request: HttpRequest, form_class: type[StepForm], pk: Any = None
    ) -> HttpResponse:
        """Handles a form that books a transaction: a deposit or withdrawal, a hold, a refund or a
        capture.
        """
        about = self._seen(request, pk) if pk else None
        return StepDesk(request, form_class, self, about).serve()

    def release_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Shows the page that releases one hold, or the reason why the hold cannot be released."""
        self._seen(request, pk)
        if not self.has_manage_holds_permission(request):
            raise PermissionDenied
        back = reverse("admin:transactions_transaction_change", args=[pk])
        chosen = self.get_queryset(request).filter(pk=pk)
        response = self.ask_and_do(request, chosen, RELEASE_HOLDS, back)
        assert response is not None  # noqa: S101  one row is never above the limit
        return response

    def _seen(self, request: HttpRequest, pk: Any) -> Transaction:
        """Returns the transaction with its accounts.

        Raises: PermissionDenied if the user may not see transactions; Http404 if there is no such
        transaction.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = Transaction.objects.with_sides().select_related("captures", "reverses")
        row: Transaction = get_object_or_404(rows, pk=pk)
        return row

    @admin.action(description="Release holds", permissions=["manage_holds"])
    def release(self, request: HttpRequest, chosen: QuerySet[Transaction]) -> Any:
        return self.ask_and_do(request, chosen, RELEASE_HOLDS)

    def refusals_for(self, request: HttpRequest, thing: Transaction) -> list[Obstacle]:
        by = person_of(request)
        if not RELEASE.refusal(Lifecycle(thing), by):
            return []
        return RELEASE.obstacles(lifecycle_of(thing), by)  # messages with other possible actions

    def name_of(self, thing: Transaction) -> str:
        """Returns a label with the amount, the description and the sender's account."""
        sender = thing.from_account or "outside the bank"
        return f"{money(thing.amount, thing.currency)}, {thing.description or thing.kind}, {sender}"

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        """Renders Django's page, and adds links to the actions that are allowed for this user."""
        context["actions"] = actions_for(lifecycle_of(obj), person_of(request))
        return super().render_change_form(request, context, add, change, form_url, obj)
