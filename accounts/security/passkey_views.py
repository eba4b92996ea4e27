"""Our versions of allauth's passkey pages. This module imports the passkey library."""

from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.account.utils import get_next_redirect_url
from allauth.core.ratelimit import respond_429
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_removed
from allauth.mfa.webauthn.views import (
    ReauthenticateWebAuthnView,
    RemoveWebAuthnView,
    login_webauthn,
)
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.exceptions import LedgerError
from accounts.sign_in import limits
from accounts.sign_in.removal import remove_passkey


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_by_passkey(request: HttpRequest) -> HttpResponseBase:
    """Serves allauth's page, with a limit on GET requests, because each GET request creates a
    challenge. allauth limits only POST requests.
    """
    if request.method != "POST" and not limits.passes_for_client(limits.CHALLENGES, request):
        refused: HttpResponse = respond_429(request)
        return refused
    response: HttpResponseBase = login_webauthn(request)
    return response


class StepUpByPasskeyView(ReauthenticateWebAuthnView):  # type: ignore[misc]
    """allauth's page for reauthentication with a passkey. After a refused passkey, this view shows
    the page again, and does not redirect to the home page.
    """

    def form_invalid(self, form: Any) -> HttpResponse:
        """Adds the error as a message and redirects to the same page."""
        super().form_invalid(form)
        url, back = reverse("security:step_up_by_passkey"), get_next_redirect_url(self.request)
        return HttpResponseRedirect(f"{url}?{urlencode({'next': back})}" if back else url)


class RemovePasskeyView(RemoveWebAuthnView):  # type: ignore[misc]
    """allauth's page for removing a passkey. This view refuses to remove the last way to sign
    in.
    """

    def form_valid(self, form: Any) -> HttpResponse:
        """Removes the passkey, or adds a message with the reason why it stays. Then redirects."""
        try:
            removed = remove_passkey(passkey=self.get_object())
        except LedgerError as refusal:
            form.add_error(None, str(refusal))
            return self.form_invalid(form)  # type: ignore[no-any-return]
        for factor in removed:
            authenticator_removed.send(
                Authenticator, request=self.request, user=self.request.user, authenticator=factor
            )
        adapter = get_adapter()
        adapter.add_message(self.request, messages.SUCCESS, "mfa/messages/webauthn_removed.txt")
        adapter.send_notification_mail("mfa/email/webauthn_removed", self.request.user)
        return redirect("security:page")
