"""The page for the code that confirms an address."""

import time
from typing import Any

from allauth.account.internal.flows.email_verification_by_code import EmailVerificationProcess
from allauth.account.views import ConfirmEmailVerificationCodeView
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator

from accounts.sign_in import mailed_codes
from accounts.sign_in.locked_sign_in import locked_sign_in


@method_decorator(login_not_required, name="dispatch")
class ConfirmAddressView(ConfirmEmailVerificationCodeView):  # type: ignore[misc]
    """allauth's page for the code. The page never reveals whether the address is already
    registered. Only the mail does.
    """

    def _resend_form_valid(self, form: Any) -> HttpResponse:
        """Sends another mail of the same kind, and shows the page again."""
        email = send_again(self._process)
        text = f"We have sent another mail to {email}. Type the code from this mail."
        messages.success(self.request, text)
        url = reverse("account_email_verification_sent")
        return HttpResponseRedirect(self.passthrough_next_url(url))

    def _verify_form_valid(self, form: Any) -> HttpResponse:
        """Confirms the address under the lock of Note [Lock of a session], and redirects."""
        if self.request.user.is_anonymous:
            return super()._verify_form_valid(form)  # type: ignore[no-any-return]
        with locked_sign_in(self.request):
            return super()._verify_form_valid(form)  # type: ignore[no-any-return]


def send_again(process: EmailVerificationProcess) -> str:
    """Mails a new code, which is valid for ten minutes, and returns the address. If the limit on
    mails is used up, sends no mail, and the previous code stays valid.

    If the address is already registered, its owner gets the same mail as after the sign-up.
    """
    before = {name: process.state[name] for name in ("code", "at")}
    process.generate_code()
    process.state["at"] = time.time()
    process.send()
    if not mailed_codes.has_left(process.email, process.code):
        process.state |= before
    process.record_resend()
    process.persist()
    return str(process.email)
