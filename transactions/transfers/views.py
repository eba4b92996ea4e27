"""The transfer form, its review, the step-up, and the redirect to the receipt."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.requests import PersonRequest
from accounts.sign_in import step_up
from ledger.db.commits.confirmation import wait_until_confirmed
from ledger.db.ids import uuid7
from transactions import services
from transactions.availability import limits_in_words
from transactions.exceptions import IdempotencyConflict, LedgerError
from transactions.models import Transaction
from transactions.safeguards import confirmation, review
from transactions.safeguards.confirmation import ConfirmationNeeded
from transactions.transfers import unsent
from transactions.transfers.forms import TransferForm, prefilled
from transactions.transfers.reads import known_accounts, review_of

ABOUT, PAID_BEFORE = "transfer", "paid-before"  # parts of the review's token
SENT_ONCE = "This payment was already made, so we did not send it again. This is the receipt."
CHANGED_AFTER_SENDING = (
    "You have already sent the payment of this form, so we did not send it again. This is the "
    "receipt. For another payment, start with a new form."
)


@require_http_methods(["GET", "HEAD", "POST"])
def transfer(request: PersonRequest) -> HttpResponse:
    """Shows the transfer form or its review. Sends a reviewed payment and redirects to the receipt.
    If the same form is sent twice, only one payment is made.
    """
    if request.method != "POST":
        return _new_transfer(request)
    form = TransferForm(request.POST, user=request.user)
    step = request.POST.get("step", "review")
    if step == "edit" or not form.is_valid():
        return _transfer_form(request, form)
    if sent := _sent_before(request, form):
        return sent
    if step == "send":
        note = review.note_of(request, ABOUT, form.as_read)
        if note is not None:
            return _send(request, form, is_known=note == PAID_BEFORE)
        messages.warning(request, review.NOT_REVIEWED)
    return _review(request, form)


def _send(request: PersonRequest, form: TransferForm, *, is_known: bool) -> HttpResponse:
    """Books the payment and redirects to the receipt, or redirects to the step-up if the payment
    needs a step-up. After the step-up, the person sees the review again.
    """
    try:
        row = confirmation.book(
            form.draft,
            request.user,
            covered_until=step_up.fresh_until(request),
            is_known=is_known,
        )
    except ConfirmationNeeded as needed:
        unsent.keep(request, form)
        back = f"{reverse('transactions:transfer')}?id={form.cleaned_data['id']}"
        return step_up.ask(request, why=str(needed), back=back)
    except LedgerError as refusal:
        return _refused(request, form, refusal)
    unsent.forget(request)
    return redirect("transactions:detail", row.pk)


def _review(request: PersonRequest, form: TransferForm) -> HttpResponse:
    """Shows the review of the payment, or the form with the reason why the payment cannot be
    sent.
    """
    if form.refuse_unknown():
        return _transfer_form(request, form)
    try:
        row = services.preview(form.draft)
    except LedgerError as refusal:
        return _refused(request, form, refusal)
    shown = review_of(form, row, covered_until=step_up.fresh_until(request))
    note = "" if shown.is_new else PAID_BEFORE
    token = review.token_for(request, ABOUT, form.as_read, note=note)
    context = {"form": form, "row": row, "review": shown, "reviewed": token}
    return render(request, "transactions/transfer_review.html", context)


def _sent_before(request: PersonRequest, form: TransferForm) -> HttpResponse | None:
    """Returns a redirect to the receipt if this form has already made a payment, even with other
    values. Otherwise returns None.
    """
    sent = Transaction.objects.visible_to(request.user).filter(pk=form.payment_id).first()
    if sent is None:
        return None
    wait_until_confirmed()
    if form.describes(sent):
        messages.info(request, SENT_ONCE)
    else:
        messages.warning(request, CHANGED_AFTER_SENDING)
    return redirect("transactions:detail", sent.pk)


def _refused(request: PersonRequest, form: TransferForm, refusal: LedgerError) -> HttpResponse:
    """Shows the form with the error, or redirects to the receipt if the form has made another
    payment in the meantime.
    """
    if isinstance(refusal, IdempotencyConflict) and (sent := _sent_before(request, form)):
        return sent
    form.add_error(None, form.in_words(refusal))
    return _transfer_form(request, form)


def _new_transfer(request: PersonRequest) -> HttpResponse:
    """Shows a new transfer form. The URL contains the id of the form, so that going back opens the
    same form. After the payment, the URL redirects to the receipt.

    After a step-up, shows the review of the stored payment.
    """
    initial = prefilled(request.user, request.GET)
    if "id" not in initial:
        query = request.GET.copy()
        query["id"] = str(uuid7())
        return redirect(f"{request.path}?{query.urlencode()}")
    form = TransferForm(initial=initial, user=request.user)
    paid = Transaction.objects.visible_to(request.user).filter(pk=form.payment_id)
    if paid.exists():
        wait_until_confirmed()
        messages.info(request, SENT_ONCE)
        return redirect("transactions:detail", form.payment_id)
    if (kept := unsent.kept(request, form)) and kept.is_valid():
        return _review(request, kept)
    return _transfer_form(request, form)


def _transfer_form(request: PersonRequest, form: TransferForm) -> HttpResponse:
    mine = list(form.own_accounts)
    sender = form.sender
    form["from_account"].help_text = limits_in_words(mine, sender)
    context = {"form": form, "sender": sender, "known": known_accounts(mine, sender)}
    return render(request, "transactions/transfer_form.html", context)
