"""The pages of a person's standing orders."""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.requests import PersonRequest
from accounts.sign_in import step_up
from banking.standing_orders import services
from banking.standing_orders.file import orders_table
from banking.standing_orders.forecast import next_dates
from banking.standing_orders.forms import WHY_PROOF, AmountForm, StandingOrderForm
from banking.standing_orders.models import StandingOrder
from banking.standing_orders.reads import (
    failures_with,
    order_page,
    orders_page,
    own_order,
)
from ledger.text.dates import day_heading
from ledger.text.money import figure, money
from ledger.web.table_files import table_response
from transactions.exceptions import LedgerError
from transactions.safeguards.confirmation import ConfirmationNeeded, is_covered
from transactions.transfers.reads import payee_name
from transactions.transfers.reviewed_form import ReviewedForm

KEPT = "unsent_order"  # the key of the session for values that wait for a step-up
SET_UP_ONCE = "This order was already set up, so we did not set up another one."
CHANGED_AFTER_AGREEING = (
    "This form has already set up an order, so we did not set up another one. For another order, "
    "start with a new form."
)
ACTIONS = ("skip", "pause", "resume", "end")


@require_safe
def order_list(request: PersonRequest) -> HttpResponse:
    """Shows the standing orders of the signed-in person, and their payments in the coming days."""
    context = {"page": orders_page(request.user)}
    return render(request, "standing_orders/list.html", context)


@require_safe
def list_file(request: PersonRequest, kind: str) -> HttpResponseBase:
    """Returns a file with the orders that have not ended."""
    return table_response(orders_table(orders_page(request.user).lines), kind)


@require_http_methods(["GET", "HEAD", "POST"])
def order_new(request: PersonRequest) -> HttpResponse:
    """Shows the form, and then a review with the next days. Sets up the order when the user agrees.
    If the user sends the agreement twice, only one order is set up.
    """
    return ReviewedOrder(request).serve()


class ReviewedOrder(ReviewedForm[StandingOrderForm]):
    """The steps of a new standing order: the form, the review, and the order that is set up."""

    form_class = StandingOrderForm
    about, kept = "standing order", KEPT
    url_name = "transactions:standing_order_new"
    form_template = "standing_orders/new.html"
    review_template = "standing_orders/review.html"
    made_once, made_differently = SET_UP_ONCE, CHANGED_AFTER_AGREEING

    def made_earlier(self, form: StandingOrderForm) -> StandingOrder | None:
        """Returns the order that was set up with this form, or None."""
        mine = StandingOrder.objects.owned_by(self.request.user)
        order: StandingOrder | None = mine.filter(pk=form.order_id).first()
        return order

    def page_of(self, made: StandingOrder) -> HttpResponse:
        """Returns a redirect to the page of the order."""
        return redirect("transactions:standing_order", made.pk)

    def preview(self, form: StandingOrderForm) -> tuple[dict[str, Any], str]:
        """Returns the template context of the review page, and the note for the review token. The
        note is always "".
        """
        order = services.check(form.order_draft)
        context = {
            "order": order,
            "days": next_dates(order),
            "failing": failures_with(self.request.user, order),
            "named": payee_name(self.request.user, order.to_account, form.cleaned_data["name"]),
            "why_confirm": WHY_PROOF if self._needs_proof(form) else "",
        }
        return context, ""

    def make(self, form: StandingOrderForm, note: str) -> StandingOrder:
        """Sets up the order, and adds a message with the day of its first payment."""
        if self._needs_proof(form):
            raise ConfirmationNeeded(WHY_PROOF)
        order = services.set_up(form.order_draft)
        first = day_heading(order.next_on)
        messages.success(self.request, f"The order is set up. The first payment is on {first}.")
        return order

    def _needs_proof(self, form: StandingOrderForm) -> bool:
        return not form.is_between_own and not is_covered(step_up.fresh_until(self.request))


@require_safe
def order_detail(request: PersonRequest, pk: Any) -> HttpResponse:
    """Shows an order, its next days, the latest results, and the possible actions."""
    order = _own(request, pk)
    kept = request.session.get(KEPT) or {}
    is_of_it = kept.get("order") == str(order.pk) and not order.is_ended
    amount = kept.get("amount") if is_of_it else None
    form = AmountForm(initial={"amount": amount or figure(order.amount, order.currency)})
    return _detail(request, order, form, unsaved=amount or "")


def _detail(
    request: PersonRequest, order: StandingOrder, form: AmountForm, *, unsaved: str = ""
) -> HttpResponse:
    """Shows the page of an order. `unsaved` is an amount that the user typed before confirming
    their identity. The amount is not saved: the user must send it again.
    """
    page = order_page(request.user, order)
    context = {"page": page, "form": form, "unsaved": unsaved}
    return render(request, "standing_orders/detail.html", context)


@require_POST
def order_amount(request: PersonRequest, pk: Any) -> HttpResponse:
    """Changes the amount of an order. For an order that pays another person, the user must have
    confirmed their identity recently.
    """
    order = _own(request, pk)
    form = AmountForm(request.POST)
    if not form.is_valid():
        return _detail(request, order, form)
    is_own = order.to_account.user_id == request.user.pk
    if not is_own and not is_covered(step_up.fresh_until(request)):
        request.session[KEPT] = {
            "id": "", "order": str(order.pk),
            "amount": figure(form.cleaned_data["amount"], order.currency),
        }  # fmt: skip
        back = reverse("transactions:standing_order", args=[order.pk])
        return step_up.ask(request, why=WHY_PROOF, back=back)
    request.session.pop(KEPT, None)
    try:
        order = services.change_amount(order=order, amount=form.cleaned_data["amount"])
    except LedgerError as refusal:
        form.add_error("amount", str(refusal))
        return _detail(request, order, form)
    since = "once you resume it" if order.is_paused else f"from {day_heading(order.next_on)} on"
    messages.success(request, f"The order pays {money(order.amount, order.currency)} {since}.")
    return redirect("transactions:standing_order", order.pk)


@require_POST
def order_change(request: PersonRequest, pk: Any, action: str) -> HttpResponse:
    """Runs `action`: skips the next day of an order, or pauses, resumes or ends the order."""
    order = _own(request, pk)
    change, done = _change(order, action, request.POST.get("day", ""))
    try:
        change()
    except LedgerError as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, done)
    return redirect("transactions:standing_order", order.pk)


def _change(order: StandingOrder, action: str, day: str) -> tuple[Callable[[], object], str]:
    if action == "skip":
        skipped = _day(day)
        done = f"We will not pay on {day_heading(skipped)}."
        return partial(services.skip, order=order, day=skipped), done
    changes: dict[str, tuple[Callable[[], object], str]] = {
        "pause": (partial(services.pause, order=order), "The order is paused."),
        "resume": (partial(services.resume, order=order), "The order pays again."),
        "end": (partial(services.end, order=order), "The order has ended."),
    }
    return changes[action]


def _day(typed: str) -> date:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return date.min


def _own(request: PersonRequest, pk: UUID) -> StandingOrder:
    order = own_order(request.user, pk)
    if order is None:
        raise Http404
    return order
