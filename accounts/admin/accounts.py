"""Admin pages for accounts. Staff see all accounts, and services make every change."""

from functools import partial
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.options import InlineModelAdmin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse

from accounts import services
from accounts.admin.actions import ACCOUNT_STEPS, ReasonedActions, StaffStep
from accounts.admin.columns import (
    AccountColumns,
    OverdraftFilter,
    StatusHistory,
    limit_in_words,
)
from accounts.admin.forms import AccountAddForm, AccountChangeForm
from accounts.admin.history import ObjectHistory, ReasonedChanges
from accounts.admin.limits import ASK, ASKED, ask_for_limits, why_asked
from accounts.admin.list_files import ListFiles
from accounts.admin.masking import known_number, mask_number, sees_contact_details
from accounts.admin.parts import STYLES, AsksApproval, person_of
from accounts.admin.ranked_lists import RankedSearch
from accounts.exceptions import LedgerError, NeedsApproval
from accounts.models import LIMITS, Account, User
from accounts.name_search import NameSearch
from ledger.db.queries.conditions import NO_ROWS

CHANGE_LIMITS = "accounts.change_limits"
# Shown to staff who may not change the limits
SHOWN_LIMITS = tuple(f"{name}_shown" for name in LIMITS)
MIN_LAST_DIGITS = 4
MASKED_SEARCH = "A whole account number, its last four digits, or words of a name."


def numbers_with(digits: str) -> Q:
    """Returns the condition for accounts whose number begins with `digits`. If there are four or
    more digits, numbers that end with `digits` also match. No account matches a text with other
    characters.
    """
    if not (digits.isascii() and digits.isdigit()):
        return NO_ROWS
    found = Q(number__startswith=digits)
    return found | Q(number__endswith=digits) if len(digits) >= MIN_LAST_DIGITS else found


@admin.register(Account)
class AccountAdmin(
    ListFiles,
    RankedSearch,
    AsksApproval,
    ObjectHistory,
    ReasonedChanges,
    ReasonedActions,
    AccountColumns,
):
    """The admin pages of accounts. Staff may change the name without a reason, but limits and
    status only with a reason.

    Staff cannot change their own accounts. A colleague must do it.
    """

    list_display = (
        "owner", "name", "number_shown", "balance_shown", "currency", "status",
        "available_shown", "held_shown", "opened",
    )  # fmt: skip
    list_display_links = ("name", "number_shown")
    list_filter = ("status", ("currency", admin.AllValuesFieldListFilter), OverdraftFilter)
    linked_lookups = ("user__id__exact",)
    list_select_related = ("user",)
    list_per_page = 50
    ordering = ("-created_at",)
    sortable_by = ("name", "status", "opened")
    show_full_result_count = False
    search_help_text = (
        "An account number, four or more of its first or last digits, or words of a name. If "
        "you may see people, also words of an email address."
    )
    autocomplete_fields = ("user",)
    readonly_fields = (
        "owner", "number_shown", "currency", "status", "balance_shown", "held_shown",
        "available_shown", "opened_at", "last_entry", "closed", "number_masked", *SHOWN_LIMITS,
    )  # fmt: skip
    inlines = (StatusHistory,)
    history_subject = "account"
    actions = ("freeze", "unfreeze", "close")
    rows_template = "admin/accounts/account/_rows.html"
    list_file_values: ClassVar = {
        "number_shown": "number", "balance_shown": "balance", "available_shown": "available",
        "held_shown": "held", "opened": "created_at",
    }  # fmt: skip

    class Media:
        css = {"all": (STYLES,)}

    def get_fieldsets(self, request: HttpRequest, obj: Account | None = None) -> Any:
        if obj is None:
            return ((None, {"fields": ("user", "currency", "name", "reason")}),)
        by = person_of(request)
        may_change = self.has_change_permission(request, obj)
        limits = tuple(LIMITS) if may_change and by.has_perm(CHANGE_LIMITS) else SHOWN_LIMITS
        number = "number_shown" if sees_contact_details(by) else "number_masked"
        return (
            (None, {"fields": ("owner", number, "name", "status")}),
            ("Money", {"fields": ("currency", "balance_shown", "held_shown", "available_shown")}),
            ("Limits", {"fields": limits}),
            *([("Why", {"fields": ("reason",)})] if may_change else []),
            ("Times", {"fields": ("opened_at", "last_entry", "closed")}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Account | None = None) -> Any:
        return self.readonly_fields if obj else ()

    def get_inlines(
        self, request: HttpRequest, obj: Account | None
    ) -> list[type[InlineModelAdmin]]:  # type: ignore[type-arg]
        return list(self.inlines) if obj else []

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        kwargs["form"] = AccountChangeForm if obj else AccountAddForm
        form = super().get_form(request, obj, change=change, **kwargs)
        form.refusal = getattr(request, "ledger_refusal", None)  # type: ignore[attr-defined]
        return form

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Returns the list of accounts. If the user may not see account numbers, the numbers are
        masked, and the help text of the search is MASKED_SEARCH.
        """
        listed = super().get_changelist_instance(request)
        if not sees_contact_details(person_of(request)):
            listed.search_help_text = MASKED_SEARCH
            # The labels of the checkboxes also contain the number
            for account in listed.result_list:
                mask_number(account, person_of(request))
        return listed

    def names(self, request: HttpRequest, typed: list[str]) -> NameSearch:
        """Returns the search for these words. The search includes email addresses only if the user
        may see people and addresses.
        """
        whole = sees_contact_details(person_of(request))
        people = self.admin_site.get_model_admin(User)
        addresses = whole and people.has_view_permission(request)
        numbers = numbers_with if whole else known_number
        return NameSearch([typed], addresses=addresses, numbers=numbers)

    def matching(self, _request: HttpRequest, typed: str, names: NameSearch) -> tuple[Q, Any]:
        number = "".join(typed.split()).replace("-", "")  # such as 1234 5678 9012
        return names.accounts(misspelt=True) | names.numbers(number), names.account_rank()

    def get_list_display(self, request: HttpRequest) -> Any:
        if sees_contact_details(person_of(request)):
            return self.list_display
        masked = {"number_shown": "number_masked"}
        return [masked.get(name, name) for name in self.list_display]

    def get_list_display_links(self, request: HttpRequest, list_display: Any) -> Any:
        return [
            name for name in (*self.list_display_links, "number_masked") if name in list_display
        ]

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """Returns the account. If the user may not see account numbers, the number is masked on
        this instance.
        """
        account = super().get_object(request, object_id, from_field)
        if account is not None:
            mask_number(account, person_of(request))
        return account

    def things_of(self, request: HttpRequest, chosen: models.QuerySet[Account]) -> list[Account]:
        """Returns the chosen accounts. If the user may not see account numbers, the numbers are
        masked.
        """
        accounts = super().things_of(request, chosen)
        for account in accounts:
            mask_number(account, person_of(request))
        return accounts

    def has_change_status_permission(self, request: HttpRequest) -> bool:
        return person_of(request).has_perm("accounts.change_status")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or not self.refusal_for(request, obj))

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def refusal_for(self, request: HttpRequest, thing: Account) -> str:
        by = person_of(request)
        if thing.user_id == by.pk:
            return "This is your own account. A colleague has to do this."
        if by.is_close_to(thing.user):
            return "This account belongs to your household. A colleague has to do this."
        return ""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Serves Django's page, but not inside a database transaction as Django would, because each
        service opens a transaction. If a service refuses the change, renders the page again with
        the refusal as an error of the form.
        """
        response: HttpResponse
        page = (request, object_id, form_url, extra_context)
        try:
            response = self._changeform_view(*page)
        except LedgerError as refusal:
            request.ledger_refusal = refusal  # type: ignore[attr-defined]
            # The message box explains the refusal, because no field is wrong
            if isinstance(refusal, NeedsApproval):
                asks = {"asks": why_asked(self.get_object(request, object_id or "")), "errors": []}
                page = (*page[:3], {**(extra_context or {}), **asks})
            response = self._changeform_view(*page)
        return response

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        """Saves the account with a service. `obj.save()` would overwrite the balance with the old
        balance that was read for the page.
        """
        if change:
            changed = [name for name in form.changed_data if name != "reason"]
            changes = {name: form.cleaned_data[name] for name in changed}
            if ASK in request.POST and changes.keys() & LIMITS.keys():
                ask_for_limits(account=obj, form=form, asked_by=person_of(request))
                self.note_asked(request)
                self.message_user(request, ASKED)
                changes = {name: changes[name] for name in changes.keys() - LIMITS.keys()}
            if changes:
                by = {"reason": form.cleaned_data["reason"], "changed_by": person_of(request)}
                services.change_account(account=obj.pk, **changes, **by)
            return
        if self.refusal_for(request, obj):
            raise LedgerError("A colleague must open an account for you.")
        details = {name: form.cleaned_data[name] for name in ("user", "currency", "name")}
        services.open_account(id=obj.pk, **details)
        obj.refresh_from_db()
        mask_number(obj, person_of(request))  # the success message contains the number

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        """Returns the text for Django's log: the old and new values of the changed fields, and the
        reason.
        """
        if add:
            return super().construct_change_message(request, form, formsets, add)
        changes = ["Asked another person to approve:"] if self.was_asked(request) else []
        for name in [name for name in form.changed_data if name != "reason"]:
            was, now = form.initial[name], form.cleaned_data[name]
            if name in LIMITS:
                currency = form.instance.currency
                was, now = limit_in_words(was, currency), limit_in_words(now, currency)
            changes.append(f"{form.fields[name].label}: {was} became {now}.")
        if form.cleaned_data["reason"]:
            changes.append(f"Reason: {form.cleaned_data['reason']}")
        return " ".join(changes)

    def get_urls(self) -> list[URLPattern]:
        return [
            path(
                f"<uuid:account_id>/{name}/",
                self.admin_site.admin_view(partial(self.step_view, step=step)),
                name=f"accounts_account_{name}",
            )
            for name, step in ACCOUNT_STEPS.items()
        ] + super().get_urls()

    def step_view(self, request: HttpRequest, account_id: Any, step: StaffStep) -> HttpResponse:
        """Serves the page that asks for the reason of a staff action. When the reason is submitted,
        performs the action on one account and redirects to the page of the account.
        """
        # Refused also if the account does not exist
        if not self.has_change_status_permission(request):
            raise PermissionDenied
        chosen = self.get_queryset(request).filter(pk=account_id)
        account = chosen.first()
        if account is None:
            raise Http404
        if self.refusal_for(request, account):
            raise PermissionDenied
        back = reverse("admin:accounts_account_change", args=[account_id])
        return self.ask_and_do(request, chosen, step, back) or redirect(back)

    @admin.action(description="Freeze", permissions=["change_status"])
    def freeze(self, request: HttpRequest, chosen: models.QuerySet[Account]) -> Any:
        return self.ask_and_do(request, chosen, ACCOUNT_STEPS["freeze"])

    @admin.action(description="Unfreeze", permissions=["change_status"])
    def unfreeze(self, request: HttpRequest, chosen: models.QuerySet[Account]) -> Any:
        return self.ask_and_do(request, chosen, ACCOUNT_STEPS["unfreeze"])

    @admin.action(description="Close", permissions=["change_status"])
    def close(self, request: HttpRequest, chosen: models.QuerySet[Account]) -> Any:
        return self.ask_and_do(request, chosen, ACCOUNT_STEPS["close"])
