"""The transfer form, its review, and the redirect to the receipt."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.requests import PersonRequest
from ledger.db.ids import uuid7
from transactions import services
from transactions.availability import limits_in_words
from transactions.exceptions import IdempotencyConflict, LedgerError
from transactions.models import Transaction
from transactions.safeguards import review
from transactions.transfers.forms import TransferForm, prefilled
from transactions.transfers.reads import just_paid, known_accounts, times_paid

ABOUT = "transfer"  # in the token of the review
SENT_ONCE = "This payment was made once; pressing again paid nothing. This is its receipt."
CHANGED_AFTER_SENDING = (
    "That form was already paid, so nothing was sent again. This is its receipt; for another "
    "payment, start with a new form."
)


@require_http_methods(["GET", "HEAD", "POST"])
def transfer(request: PersonRequest) -> HttpResponse:
    """Shows the form, then its review; sends a payment that was reviewed and redirects to the
    receipt. Sending twice pays once.
    """
    if request.method != "POST":
        return _new_transfer(request)
    form = TransferForm(request.POST, user=request.user)
    step = request.POST.get("step", "review")
    if step == "edit" or not form.is_valid():
        return _transfer_form(request, form)
    sent_before = Transaction.objects.visible_to(request.user).filter(pk=form.draft.id).exists()
    is_sending = step == "send" and not sent_before
    if is_sending and not review.was_reviewed(request, ABOUT, form.as_read):
        messages.warning(request, review.NOT_REVIEWED)
        is_sending = False
    try:
        row = (services.book if is_sending else services.preview)(form.draft)
    except LedgerError as refusal:
        return _refused(request, form, refusal)
    if is_sending:
        return redirect("transactions:detail", row.pk)
    if sent_before:
        messages.info(request, SENT_ONCE)
        return redirect("transactions:detail", row.pk)
    return _review(request, form, row)


def _refused(request: PersonRequest, form: TransferForm, refusal: LedgerError) -> HttpResponse:
    """Shows the form with the refusal; or the receipt, if the form has paid something else."""
    if isinstance(refusal, IdempotencyConflict):
        sent = Transaction.objects.visible_to(request.user).filter(pk=form.draft.id)
        if sent.exists():
            messages.warning(request, CHANGED_AFTER_SENDING)
            return redirect("transactions:detail", form.draft.id)
    form.add_error(None, str(refusal))
    return _transfer_form(request, form)


def _review(request: PersonRequest, form: TransferForm, row: Transaction) -> HttpResponse:
    """Shows what sending would do. `row` was posted and rolled back."""
    draft = form.draft
    context = {"form": form, "draft": draft, "row": row, "times": times_paid(draft)}
    context["just_paid"] = just_paid(draft)
    context["leaves"] = form.cleaned_data["from_account"].available - row.amount
    context["reviewed"] = review.token_for(request, ABOUT, form.as_read)
    return render(request, "transactions/transfer_review.html", context)


def _new_transfer(request: PersonRequest) -> HttpResponse:
    """Shows a new form. Its id is in the address, so that going back finds the same form; once the
    form has paid, the address leads to the receipt.
    """
    initial = prefilled(request.user, request.GET)
    if "id" not in initial:
        query = request.GET.copy()
        query["id"] = str(uuid7())
        return redirect(f"{request.path}?{query.urlencode()}")
    if Transaction.objects.visible_to(request.user).filter(pk=initial["id"]).exists():
        messages.info(request, SENT_ONCE)
        return redirect("transactions:detail", initial["id"])
    return _transfer_form(request, TransferForm(initial=initial, user=request.user))


def _transfer_form(request: PersonRequest, form: TransferForm) -> HttpResponse:
    mine = list(form.own_accounts)
    sender = form.sender
    if sender is not None:
        form["from_account"].help_text = limits_in_words(sender)
    context = {"form": form, "sender": sender, "known": known_accounts(mine, sender)}
    return render(request, "transactions/transfer_form.html", context)
