"""allauth's page with the user's email addresses."""

from typing import Any, cast

from allauth.account.internal.flows.manage_email import sync_user_email_address
from allauth.account.models import EmailAddress
from allauth.account.views import EmailView
from allauth.decorators import rate_limit
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.decorators import method_decorator

from accounts.models import User
from accounts.sign_in.locked_sign_in import locked_sign_in


@method_decorator(rate_limit(action="manage_email"), name="dispatch")
class AddressesView(EmailView):  # type: ignore[misc]
    """allauth's page of email addresses. It locks the user and the session before an address is
    changed: see Note [Lock of a session]. It does not take the lock in order to mail a code,
    because mailing is slow and does not change an address.
    """

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Serves the page. Like allauth, adds a missing row of the main address. The address is
        read under the lock, because the bank may have changed the address during the request.
        """
        self._did_send_verification_email = False
        user = cast("User", request.user)
        mine = EmailAddress.objects.filter(user=user)
        if not mine.filter(email=user.email).exists():
            with locked_sign_in(request):
                sync_user_email_address(request.user)
        response: HttpResponseBase = super(EmailView, self).dispatch(request, *args, **kwargs)
        return response

    def _action_remove(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with locked_sign_in(request):
            return super()._action_remove(request, *args, **kwargs)  # type: ignore[no-any-return]

    def _action_primary(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with locked_sign_in(request):
            return super()._action_primary(request, *args, **kwargs)  # type: ignore[no-any-return]
