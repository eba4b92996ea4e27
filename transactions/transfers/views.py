"""The transfer form, its review, the step-up, and the redirect to the receipt."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts.requests import PersonRequest
from accounts.sign_in import step_up
from transactions import services
from transactions.models import Transaction
from transactions.safeguards import confirmation
from transactions.transfers.forms import TransferForm
from transactions.transfers.reads import review_of
from transactions.transfers.reviewed_form import ReviewedForm

PAID_BEFORE = "paid-before"  # the note of the review's token
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
    return ReviewedTransfer(request).serve()


class ReviewedTransfer(ReviewedForm[TransferForm]):
    """The transfer form, which makes a payment."""

    form_class = TransferForm
    about, kept = "transfer", "unsent_transfer"
    url_name = "transactions:transfer"
    form_template = "transactions/transfer_form.html"
    review_template = "transactions/transfer_review.html"
    made_once, made_differently = SENT_ONCE, CHANGED_AFTER_SENDING

    def made_earlier(self, form: TransferForm) -> Transaction | None:
        """Returns the payment of this form, or None."""
        mine = Transaction.objects.visible_to(self.request.user)
        found: Transaction | None = mine.filter(pk=form.payment_id).first()
        return found

    def page_of(self, made: Transaction) -> HttpResponse:
        """Returns a redirect to the receipt."""
        return redirect("transactions:detail", made.pk)

    def preview(self, form: TransferForm) -> tuple[dict[str, Any], str]:
        """Returns the context of the review. The note is PAID_BEFORE for a known recipient."""
        row = services.preview(form.draft)
        shown = review_of(form, row, covered_until=step_up.fresh_until(self.request))
        return {"row": row, "review": shown}, "" if shown.is_new else PAID_BEFORE

    def make(self, form: TransferForm, note: str) -> Transaction:
        """Books the payment."""
        return confirmation.book(
            form.draft,
            self.request.user,
            covered_until=step_up.fresh_until(self.request),
            is_known=note == PAID_BEFORE,
        )
