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
from ledger.db.commits.confirmation import wait_until_confirmed
from ledger.db.ids import uuid7
from ledger.text.dates import day_heading
from ledger.text.money import figure, money
from ledger.web.table_files import table_response
from transactions.availability import limits_in_words
from transactions.exceptions import LedgerError
from transactions.safeguards import review
from transactions.safeguards.confirmation import is_covered
from transactions.transfers.forms import prefilled
from transactions.transfers.reads import known_accounts, payee_name

ABOUT, KEPT = "standing order", "unsent_order"
SET_UP_ONCE = "This order was set up only once, although you pressed again."
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
    """Returns the orders that have not ended as a file."""
    return table_response(orders_table(orders_page(request.user).lines), kind)


@require_http_methods(["GET", "HEAD", "POST"])
def order_new(request: PersonRequest) -> HttpResponse:
    """Shows the form, and then a review with the next days. Sets up the order when the user agrees.
    A second agreement sets up nothing.
    """
    if request.method != "POST":
        return _begin(request)
    form = StandingOrderForm(request.POST, user=request.user)
    step = request.POST.get("step", "review")
    if step == "edit" or not form.is_valid():
        return _form(request, form)
    if order := _set_up_before(request, form):
        message = SET_UP_ONCE if form.describes_order(order) else CHANGED_AFTER_AGREEING
        messages.info(request, message)
        return redirect("transactions:standing_order", order.pk)
    if step == "agree":
        if review.was_reviewed(request, ABOUT, form.as_read):
            return _agree(request, form)
        messages.warning(request, review.NOT_REVIEWED)
    return _review(request, form)


def _begin(request: PersonRequest) -> HttpResponse:
    """Shows an empty form, with its id in the URL. After the user has confirmed their identity,
    shows the review again instead.
    """
    initial = prefilled(request.user, request.GET)
    if "id" not in initial:
        query = request.GET.copy()
        query["id"] = str(uuid7())
        return redirect(f"{request.path}?{query.urlencode()}")
    form = StandingOrderForm(initial=initial, user=request.user)
    if _set_up_before(request, form):
        return redirect("transactions:standing_order", form.order_id)
    kept = request.session.get(KEPT)
    if kept and kept["id"] == str(initial["id"]):
        form_kept = StandingOrderForm(kept, user=request.user)
        if form_kept.is_valid():
            return _review(request, form_kept)
    return _form(request, form)


def _set_up_before(request: PersonRequest, form: StandingOrderForm) -> StandingOrder | None:
    """Returns the order that was already set up with this form, or None."""
    mine = StandingOrder.objects.owned_by(request.user)
    order: StandingOrder | None = mine.filter(pk=form.order_id).first()
    if order is not None:
        wait_until_confirmed()
    return order


def _agree(request: PersonRequest, form: StandingOrderForm) -> HttpResponse:
    if not form.is_between_own and not is_covered(step_up.fresh_until(request)):
        request.session[KEPT] = dict(form.as_read)
        back = f"{reverse('transactions:standing_order_new')}?id={form.cleaned_data['id']}"
        return step_up.ask(request, why=WHY_PROOF, back=back)
    try:
        order = services.set_up(form.order_draft)
    except LedgerError as refusal:
        return _refused(request, form, refusal)
    request.session.pop(KEPT, None)
    messages.success(
        request, f"The order is set up. The first payment is on {day_heading(order.next_on)}."
    )
    return redirect("transactions:standing_order", order.pk)


def _review(request: PersonRequest, form: StandingOrderForm) -> HttpResponse:
    if form.refuse_unknown():
        return _form(request, form)
    try:
        order = services.check(form.order_draft)
    except LedgerError as refusal:
        return _refused(request, form, refusal)
    context = {
        "form": form,
        "order": order,
        "days": next_dates(order),
        "failing": failures_with(request.user, order),
        "named": payee_name(request.user, order.to_account, form.cleaned_data["name"]),
        "why_confirm": ""
        if form.is_between_own or is_covered(step_up.fresh_until(request))
        else WHY_PROOF,
        "reviewed": review.token_for(request, ABOUT, form.as_read),
    }
    return render(request, "standing_orders/review.html", context)


def _refused(request: PersonRequest, form: StandingOrderForm, refusal: LedgerError) -> HttpResponse:
    form.add_error(None, form.in_words(refusal))
    return _form(request, form)


def _form(request: PersonRequest, form: StandingOrderForm) -> HttpResponse:
    mine, sender = list(form.own_accounts), form.sender
    form["from_account"].help_text = limits_in_words(mine, sender)
    known = known_accounts(mine, sender)
    context = {"form": form, "known": known, "sender": sender}
    return render(request, "standing_orders/new.html", context)


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
    their identity, and must send again.
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
